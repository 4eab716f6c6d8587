// Application Signals' map with AWS's SDK for JavaScript: `node signals.mjs URL`, run beside its node_modules.
import {
  ApplicationSignalsClient,
  ListServiceDependenciesCommand,
  ListServiceDependentsCommand,
  ListServiceOperationsCommand,
  GetServiceCommand,
  paginateListServices,
} from "@aws-sdk/client-application-signals";
import { CloudWatchClient, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";

const options = {
  endpoint: process.argv[2],
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local-secret" },
};
const signals = new ApplicationSignalsClient(options);
const metrics = new CloudWatchClient(options);
const window = { StartTime: new Date(Date.now() - 3600e3), EndTime: new Date(Date.now() + 60e3) };
const told = [];
for await (const page of paginateListServices({ client: signals, pageSize: 1 }, { ...window })) {
  for (const { KeyAttributes } of page.ServiceSummaries) {
    const one = { KeyAttributes, ...window };
    const { Service } = await signals.send(new GetServiceCommand(one));
    const { ServiceOperations } = await signals.send(new ListServiceOperationsCommand(one));
    const { ServiceDependents } = await signals.send(new ListServiceDependentsCommand(one));
    const { ServiceDependencies } = await signals.send(new ListServiceDependenciesCommand(one));
    const calls = [];
    for (const { DependencyKeyAttributes, MetricReferences } of ServiceDependencies) {
      const { Namespace, MetricName, Dimensions } = MetricReferences[0];
      const query = { Metric: { Namespace, MetricName, Dimensions }, Period: 3600, Stat: "SampleCount" };
      const { MetricDataResults } = await metrics.send(
        new GetMetricDataCommand({ ...window, MetricDataQueries: [{ Id: "calls", MetricStat: query }] }),
      );
      calls.push([DependencyKeyAttributes.Name, MetricDataResults[0].Values.reduce((a, b) => a + b, 0)]);
    }
    told.push({
      name: Service.KeyAttributes.Name,
      operations: ServiceOperations.map(({ Name }) => Name),
      dependents: ServiceDependents.map(({ DependentKeyAttributes }) => DependentKeyAttributes.Name),
      calls,
    });
  }
}
console.log(JSON.stringify(told));
