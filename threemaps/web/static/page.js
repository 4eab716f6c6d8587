// The page of the maps: everything that moves on it.

import { listen } from "./live.js";
import { prepareTabStops } from "./maps.js";
import "./panel.js";
import { sortAgain } from "./table.js";
import "./tour.js";
import "./window.js";

prepareTabStops();
sortAgain();
if (document.getElementById("main").dataset.live === "yes") listen();
