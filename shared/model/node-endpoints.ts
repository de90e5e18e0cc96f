import type { Endpoint, NodeState } from './desired-state.ts';
import type { NodeFact, PodFact, ServiceFact, ServicePortFact } from './facts.ts';
import { type Problem, problem } from './problems.ts';
import type { View } from './view.ts';

const hasLabels = ({ labels }: NodeFact, wanted: Readonly<Record<string, string>> | undefined): boolean =>
  Object.entries(wanted ?? {}).every(([key, value]) => labels[key] === value);

const serves = (pod: PodFact): boolean => pod.ready && pod.terminatingAt === undefined && !pod.ended;

/** How many Pods of the Service each node runs, by the node's name. */
const podsByNode = (view: View, { ref, selector }: ServiceFact): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const pod of view.podsSelectedBy(ref.namespace, selector ?? {})) {
    if (pod.nodeName !== undefined && serves(pod)) {
      counts.set(pod.nodeName, (counts.get(pod.nodeName) ?? 0) + 1);
    }
  }
  return counts;
};

const largestWeight = 100;

/** In proportion to the Pods that a node runs; within what the CLB takes, and never 0. */
const weightOf = (pods: number, most: number): number =>
  most <= largestWeight ? pods : Math.max(1, Math.round((pods * largestWeight) / most));

/** The nodes behind a Service in NodePort mode, as TKE chooses them. */
export interface NodesFound {
  readonly nodes: readonly NodeState[];
  readonly problems: readonly Problem[];
}

export const nodesBehind = (view: View, service: ServiceFact): NodesFound => {
  const { local, onlyWithPods, byPods, labels } = service.nodes;
  const matching = [...view.nodes()].filter((node) => node.takesTraffic && hasLabels(node, labels));
  const problems =
    labels !== undefined && matching.length === 0
      ? [
          problem('D1011', `Service ${service.ref.name}: no node has the labels asked for.`, {
            severity: 'warning',
          }),
        ]
      : [];
  const pods = local && onlyWithPods ? podsByNode(view, service) : undefined;
  const chosen = pods === undefined ? matching : matching.filter(({ ref }) => pods.has(ref.name));
  const most = Math.max(0, ...(pods?.values() ?? []));
  return {
    nodes: chosen
      .map(({ ref, ips }): NodeState => {
        const count = byPods ? pods?.get(ref.name) : undefined;
        return { ...ref, ips, ...(count === undefined ? {} : { weight: weightOf(count, most) }) };
      })
      .sort((a, b) => (a.uid < b.uid ? -1 : 1)),
    problems,
  };
};

/** The nodes' endpoints for one port; none while it has no node port yet. */
export const endpointsOfNodes = (
  view: View,
  nodes: readonly NodeState[],
  { nodePort }: ServicePortFact,
): readonly Endpoint[] =>
  nodePort === undefined
    ? []
    : nodes.flatMap(({ uid, ips: [ip] }): Endpoint[] => {
        const instanceId = view.node(uid)?.instanceId;
        return ip === undefined
          ? []
          : [{ ip, port: nodePort, backendUid: uid, ...(instanceId === undefined ? {} : { instanceId }) }];
      });
