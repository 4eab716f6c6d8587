"""image.py NAME OUT.tar CONFIG LAYER.tar…: layers put together to an OCI archive, for `ctr images import`."""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

TYPE = "application/vnd.oci.image."


def main(name: str, out: str, config: str, *layers: str) -> None:
    blobs: dict[str, bytes] = {}

    def blob(kind: str, value: Any) -> dict[str, Any]:
        data = json.dumps(value).encode()
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": f"{TYPE}{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    digests = {layer: digest(Path(layer)) for layer in layers}
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{one}" for one in digests.values()]}
    made = {"architecture": "amd64", "os": "linux", "config": json.loads(config), "rootfs": rootfs}
    described = [
        {"mediaType": f"{TYPE}layer.v1.tar", "digest": f"sha256:{one}", "size": Path(layer).stat().st_size}
        for layer, one in digests.items()
    ]
    head = {"schemaVersion": 2, "mediaType": f"{TYPE}manifest.v1+json"}
    manifest = blob("manifest.v1+json", {**head, "config": blob("config.v1+json", made), "layers": described})
    named = {**manifest, "annotations": {"io.containerd.image.name": name}}
    with tarfile.open(out, "w") as archive:
        write(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        write(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": [named]}).encode())
        for one, data in blobs.items():
            write(archive, f"blobs/sha256/{one}", data)
        for layer, one in digests.items():
            archive.add(layer, f"blobs/sha256/{one}")


def digest(layer: Path) -> str:
    with layer.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(archive: tarfile.TarFile, path: str, data: bytes) -> None:
    info = tarfile.TarInfo(path)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    main(*sys.argv[1:])
