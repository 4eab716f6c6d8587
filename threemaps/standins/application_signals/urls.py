"""Where Application Signals' operations are called."""

URLS = {
    ("GET", "/services"): "ListServices",
    ("POST", "/service"): "GetService",
    ("POST", "/service-dependencies"): "ListServiceDependencies",
    ("POST", "/service-dependents"): "ListServiceDependents",
    ("POST", "/service-operations"): "ListServiceOperations",
    ("POST", "/start-discovery"): "StartDiscovery",
}
