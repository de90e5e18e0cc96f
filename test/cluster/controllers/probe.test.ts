import { it } from 'vitest';
import { appendFileSync } from 'node:fs';
import { conditionOf, deployments, isPodActive, isPodReady, pods, type Pod } from '../../../infra/sandbox/cluster/objects.ts';
import { gate, until } from '../../integration/sandbox-cluster-fixture.ts';
import { useWorld } from './world.ts';
import { record, type Moment } from './history.ts';

const fixture = useWorld();
const out = process.env['PROBE_OUT'] ?? '/tmp/probe.txt';
const log = (t: string) => appendFileSync(out, t + '\n');

const line = (m: Moment, names: Map<string,string>): string => {
  const nm = (n: string) => { if (!names.has(n)) names.set(n, `p${names.size+1}`); return names.get(n); };
  const d = [...m.deployments.values()][0];
  const sets = [...m.replicaSets.values()].sort((a,b)=>Number(a.metadata.annotations?.['deployment.kubernetes.io/revision'])-Number(b.metadata.annotations?.['deployment.kubernetes.io/revision']));
  return [
    `RS ${sets.map(s=>`${s.spec.replicas}(${s.status?.replicas ?? 0}/${s.status?.readyReplicas ?? 0}/${s.status?.availableReplicas ?? 0})g${s.metadata.generation}/${s.status?.observedGeneration}`).join(' ')}`,
    `D ${JSON.stringify({...d?.status, conditions: undefined})} ${(d?.status?.conditions??[]).map(c=>`${c.type}=${c.status}/${c.reason}`).join(' ')} g${d?.metadata.generation}`,
    `P ${[...m.pods.values()].map(p=>`${nm(p.metadata.name)}[${p.status?.phase?.slice(0,4)}${p.spec.nodeName?'@':''}${p.status?.podIP?'i':''}${isPodReady(p)?'R':''}${conditionOf(p.status?.conditions,gate)?.status?.slice(0,1)??''}${p.metadata.deletionTimestamp?'x':''}]`).join(' ')}`,
    `E ${[...m.slices.values()].flatMap(s=>(s.endpoints??[]).map(e=>`${nm(e.targetRef?.name??'')}${e.conditions.ready?'r':'-'}${e.conditions.serving?'s':'-'}${e.conditions.terminating?'t':'-'}`)).join(' ')}`,
  ].join(' | ');
};
const dump = (title: string, moments: Moment[]) => {
  log(`== ${title}`);
  const names = new Map<string,string>();
  let prev = ''; let start = moments[0]?.atMs ?? 0;
  for (const m of moments) { const l = line(m, names); const parts = l.split(' | '); const pp = prev.split(' | '); log(`${(m.atMs-start).toFixed(0).padStart(6)} ${parts.map((p,i)=> p===pp[i] ? '' : p).join(' | ')}`); prev = l; }
};
for (const [name, strategy] of Object.entries({
  default: {}, 'zero-one': { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } }, 'one-zero': { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
  recreate: { strategy: { type: 'Recreate' } },
})) {
it(name, async () => {
  const ns = await fixture.namespace(`n-${name}`);
  const h = await record(fixture.cluster.client, ns);
  await fixture.expose(ns);
  await fixture.deploy(ns, 4, { }, strategy);
  await fixture.untilAvailable(ns, 4);
  const body = { spec: { template: { spec: { readinessGates: [{conditionType: gate}], containers: [{ name: 'nginx', image: 'nginx:2' }] } } } };
  await fixture.cluster.client.patch(deployments, ns, 'web', 'strategic', body);
  for (let opened = 0; opened < 4; opened++) {
    const closed = async (): Promise<Pod[]> => (await fixture.pods(ns)).filter(p => isPodActive(p) && conditionOf(p.status?.conditions, 'ContainersReady')?.status === 'True' && p.spec.readinessGates && conditionOf(p.status?.conditions, gate) === undefined);
    await until(async () => (await closed()).length > 0, 'a closed gate', 30000);
    await new Promise(r => setTimeout(r, 700));
    const [p] = await closed();
    if (p) await fixture.setGate(p, 'True');
  }
  await fixture.untilAvailable(ns, 4);
  await until(async () => (await fixture.pods(ns)).length === 4, 'four');
  await new Promise(r => setTimeout(r, 700));
  h.close();
  dump(name, h.moments());
});
}
