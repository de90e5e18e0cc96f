import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { readiness } from '../../functions/readiness/readiness.ts';
import type { ReconcileDeps } from '../../functions/reconcile/deps.ts';
import { reconcile } from '../../functions/reconcile/reconcile.ts';
import { claimAddresses } from '../../infra/sandbox/addresses.ts';
import type { CallRecord } from '../../infra/sandbox/clb/calls.ts';
import { type ClbSettings, initialSettings } from '../../infra/sandbox/clb/settings.ts';
import { type ClbSimulator, startClbSimulator } from '../../infra/sandbox/clb/simulator.ts';
import { createClb } from '../../shared/clb/clb.ts';
import { type Action, type Answer, createClbApi, type Requests } from '../../shared/clb/clb-api.ts';
import { makeDesiredStateEvent } from '../../shared/events/make-event.ts';
import { formatSequence } from '../../shared/events/sequence.ts';
import type {
  EventToWrite,
  GateVerdict,
  ObjectWriter,
  WriteOutcome,
} from '../../shared/kubernetes/object-writer.ts';
import { testPolicy } from '../../shared/model/builders.ts';
import { laneOf } from '../../shared/model/changes.ts';
import type { DesiredState } from '../../shared/model/desired-state.ts';
import { createFakeClock, type FakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { defaultGateType } from '../../shared/model/names.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { silentLog } from '../../shared/process/log.ts';
import { createMemoryStore } from '../../shared/queue/store/memory-store.ts';
import type { Store } from '../../shared/queue/store/store.ts';

/** What was written to the cluster, in order, as short lines. */
export interface RecordingWriter extends ObjectWriter {
  readonly lines: string[];
  readonly events: EventToWrite[];
  readonly gates: GateVerdict[];
}

export const recordingWriter = (): RecordingWriter => {
  const lines: string[] = [];
  const events: EventToWrite[] = [];
  const gates: GateVerdict[] = [];
  const lives = new Map<string, number>();
  const written = (line: string): WriteOutcome => {
    lines.push(line);
    return 'written';
  };
  return {
    lines,
    events,
    gates,
    gate: async (verdict) => {
      gates.push(verdict);
      return written(`gate ${verdict.pod.name} ${verdict.open ? 'True' : 'False'}: ${verdict.message}`);
    },
    claim: async (object, life, source) => {
      if (life === 0) return { outcome: written(`claim ${object.name} for ${source}`) };
      const now = Math.max(lives.get(object.uid) ?? 0, life);
      lives.set(object.uid, now);
      return { outcome: written(`claim ${object.name} life ${now}`), life: now };
    },
    loadBalancerId: async (object) => written(`id on ${object.name}`),
    status: async (object, addresses) => written(`status of ${object.name}: ${addresses.length} address(es)`),
    release: async (object, clear) => written(`release ${object.name}${clear ? ', cleared' : ''}`),
    event: async (event) => {
      events.push(event);
    },
  };
};

export interface ReconcileWorld {
  readonly clb: ClbSimulator;
  readonly store: Store;
  readonly clock: FakeClock;
  readonly writer: RecordingWriter;
  readonly deps: ReconcileDeps;
  /** Puts a state as the leader would. */
  put(state: DesiredState): Promise<void>;
  /** One reconcile pass; gives its outcome. */
  pass(invocationId?: string): Promise<string | undefined>;
  /** Passes, with time moved on as the retries ask, until nothing is due. */
  settle(): Promise<void>;
  readiness(): ReturnType<typeof readiness>;
  /** From now on every lock ends with its write, for a test that makes its own conflicts. */
  endLocksWithWrites(): void;
  /** Resolves while a call of the action is being answered by the simulator. */
  callUnderWay(action: string): Promise<void>;
  /** Something that answers HTTP on port 80 of an address of its own, so that a load balancer finds it healthy. */
  startPod(): Promise<string>;
  /** What somebody else does to a load balancer, by hand. */
  readonly foreign: {
    /** A load balancer that a user made; with these tags. */
    createLoadBalancer(tags?: Readonly<Record<string, string>>, vpcId?: string): Promise<string>;
    deleteLoadBalancer(loadBalancerId: string): Promise<void>;
    createListener(loadBalancerId: string, port: number, targetIp: string): Promise<void>;
    setWeight(loadBalancerId: string, targetIp: string, weight: number): Promise<void>;
  };
  /** The calls since the last `script()`, as normalised lines. */
  script(): readonly string[];
  /** Those of them that write. */
  writes(): readonly string[];
  /** What was told in Events so far: each object's name and the code. */
  told(): readonly string[];
  close(): Promise<void>;
}

/** A call, as far as a script tells it. */
type Call = Pick<CallRecord, 'action' | 'parameters' | 'loadBalancerId' | 'code'>;

const polls = new Set(['DescribeTaskStatus']);

const targetsOf = (parameters: Readonly<Record<string, unknown>>): readonly Record<string, unknown>[] => {
  const list = (value: unknown): readonly Record<string, unknown>[] =>
    Array.isArray(value)
      ? value.filter((entry): entry is Record<string, unknown> => typeof entry === 'object')
      : [];
  const nested = list(parameters.ModifyList);
  return nested.length === 0
    ? list(parameters.Targets)
    : nested.flatMap((rule) =>
        list(rule.Targets).map(
          (target): Record<string, unknown> => ({
            ListenerId: rule.ListenerId,
            ...(rule.LocationId === undefined ? {} : { LocationId: rule.LocationId }),
            ...target,
          }),
        ),
      );
};

const signs: Readonly<Record<string, string>> = { BatchRegisterTargets: '+', BatchDeregisterTargets: '-' };

/** Ids become `lb#1`, `lbl#1`, in the order of their appearance; polls of tasks are left out. */
const normaliser = (podNames: ReadonlyMap<string, string>) => {
  const names = new Map<string, string>();
  const short = (id: unknown, kind: string): string => {
    const key = `${kind} ${String(id)}`;
    const known =
      names.get(key) ??
      `${kind}#${[...names.keys()].filter((name) => name.startsWith(`${kind} `)).length + 1}`;
    names.set(key, known);
    return known;
  };
  return ({ action, parameters, loadBalancerId, code }: Call): string => {
    const where = loadBalancerId === undefined ? '' : ` ${short(loadBalancerId, 'lb')}`;
    const targets = targetsOf(parameters).map((target) => {
      const named = target.InstanceId ?? target.EniIp;
      const name = podNames.get(String(named)) ?? String(named);
      const weight = target.Weight === undefined ? '' : ` w${String(target.Weight)}`;
      const rule = target.LocationId === undefined ? '' : `/${short(target.LocationId, 'loc')}`;
      return ` ${short(target.ListenerId, 'lbl')}${rule} ${signs[action] ?? ''}${name}${weight}`;
    });
    const ports = Array.isArray(parameters.Ports)
      ? ` ${String(parameters.Protocol)}:${parameters.Ports.join(',')}`
      : '';
    const listeners = Array.isArray(parameters.ListenerIds)
      ? parameters.ListenerIds.map((id) => ` ${short(id, 'lbl')}`).join('')
      : '';
    const listener = parameters.ListenerId === undefined ? '' : ` ${short(parameters.ListenerId, 'lbl')}`;
    const renamed =
      typeof parameters.ListenerName === 'string'
        ? ` as ${parameters.ListenerName.slice(parameters.ListenerName.lastIndexOf('/') + 1)}`
        : '';
    const rules = Array.isArray(parameters.Rules)
      ? parameters.Rules.map((rule) => ` ${String(rule.Domain)}${String(rule.Url)}`).join('')
      : '';
    const locationIds: readonly unknown[] = Array.isArray(parameters.LocationIds)
      ? parameters.LocationIds
      : [parameters.LocationId ?? []].flat();
    const locations = locationIds.map((id) => ` ${short(id, 'loc')}`).join('');
    return `${action}${where}${ports}${listeners}${listener}${renamed}${rules}${locations}${targets.sort().join('')}${code === 'OK' ? '' : ` (${code})`}`;
  };
};

/**
 * In the strict world (see the simulator's `initialSettings`) locks outlive their writes, as the real ones do: whoever
 * comes too early is refused, once or more, and scripts leave that out.
 */
const isStrict = process.env['CLB_SETTINGS'] === 'strict';
const noLockTail = { batchLockTailMs: [0, 0], taskLockTailMs: 0 } as const;

/** The reconcile and readiness functions over a memory store, a fake clock and a real CLB simulator. */
export const startReconcileWorld = async (
  options: {
    readonly settings?: Partial<ClbSettings>;
    readonly speed?: number;
    /** Of another world, which goes on owning it. */
    readonly clb?: ClbSimulator;
    /** The network that we are told to use; the simulator's own if absent. */
    readonly vpcId?: string;
  } = {},
): Promise<ReconcileWorld> => {
  const { speed = 50 } = options;
  const addresses = options.clb === undefined ? await claimAddresses() : undefined;
  const pods: Server[] = [];
  const clb =
    options.clb ??
    (await startClbSimulator({
      listen: { host: '127.0.0.1', port: 0 },
      addresses: addresses ?? (await claimAddresses()),
      speed,
      settings: {
        ...(isStrict ? {} : noLockTail),
        callsPerSecond: 1_000,
        targetOutsideVpc: 'accept',
        // Tasks are asked for in real time.
        taskLifeMs: speed * initialSettings().taskLifeMs,
        ...options.settings,
      },
    }));
  const clock = createFakeClock();
  const store = createMemoryStore({ clock, budgetPerSecond: 1_000 });
  const writer = recordingWriter();
  const api = createClbApi({
    region: clb.region,
    endpoint: new URL(clb.url).host,
    protocol: 'http:',
    credentials: () => ({ secretId: clb.secretId, secretKey: clb.secretKey }),
    clock: systemClock,
  });
  const deps: ReconcileDeps = {
    store,
    clb: createClb({
      api,
      pace: (action, lane) => store.budget.ask(action, lane),
      clock: systemClock,
      clusterId: testPolicy.clusterId,
      vpcId: options.vpcId ?? clb.vpcId,
    }),
    writer,
    policy: testPolicy,
    clock,
    log: silentLog,
  };
  const { epoch } = await store.takeOver();
  const before = new Map<string, DesiredState>();
  const podNames = new Map<string, string>();
  const normalise = normaliser(podNames);
  /** Actions that reached the simulator since the last put. */
  const arrived = new Set<string>();
  clb.faults.inject({
    when: ({ action }) => {
      arrived.add(action);
      return false;
    },
    effect: { kind: 'latency', ms: 0 },
  });
  const byHand = async <A extends Action>(action: A, request: Requests[A]): Promise<Answer<A>> => {
    const answer = await api.call(action, request);
    for (let tries = 0; tries < 200; tries += 1) {
      if (!clb.state().loadBalancers.some(({ locked }) => locked)) return answer;
      await systemClock.sleep(5);
    }
    throw new Error(`${action} does not end`);
  };
  let counter = 0;
  let read = 0;
  let key = '';
  const pass = async (invocationId = 'test'): Promise<string | undefined> => {
    const answer = await reconcile({ invocationId, loadBalancerKeys: [key] }, deps);
    return answer.results[0]?.outcome;
  };
  const script = (): readonly string[] => {
    const calls = clb.calls.slice(read);
    read = clb.calls.length;
    return calls
      .filter(({ action, refusedBy }) => !polls.has(action) && !(isStrict && refusedBy === 'lock'))
      .map(normalise);
  };
  return {
    clb,
    store,
    clock,
    writer,
    deps,
    put: async (state) => {
      counter += 1;
      arrived.clear();
      key = state.loadBalancerKey;
      for (const { ips, ref } of state.pods) for (const ip of ips) podNames.set(ip, ref.name);
      await store.put(
        makeDesiredStateEvent({
          source: 'test',
          sequence: formatSequence(epoch, counter),
          timeMs: clock.now(),
          state,
        }),
        laneOf(before.get(state.object.uid), state),
      );
      before.set(state.object.uid, state);
      await store.complete(epoch);
    },
    pass,
    settle: async () => {
      let idle = 0;
      for (let tries = 0; tries < 400 && idle < 20; tries += 1) {
        if ((await store.due(10)).due.length > 0) {
          await pass();
          idle = 0;
        } else idle += 1;
        await clock.advance(1_000);
        // The simulator's own time is real; a load balancer that is being made needs some of it.
        await systemClock.sleep(idle > 2 ? 1 : 20);
      }
      if (idle < 20) throw new Error('the load balancer did not settle');
    },
    readiness: () => readiness({ invocationId: 'test', unheld: [] }, { ...deps, gateType: defaultGateType }),
    startPod: async () => {
      if (addresses === undefined) throw new Error('Pods are where the CLB was started.');
      const ip = addresses.allocate('pod');
      const server = createServer((_request, response) => response.end());
      pods.push(server);
      server.listen(addresses.socketOf(ip, 80));
      await once(server, 'listening');
      return ip;
    },
    endLocksWithWrites: () => void Object.assign(clb.settings, noLockTail),
    callUnderWay: async (action) => {
      for (let tries = 0; tries < 500 && !arrived.has(action); tries += 1) await systemClock.sleep(5);
      if (!arrived.has(action)) throw new Error(`no call of ${action}`);
    },
    foreign: {
      createLoadBalancer: async (tags = {}, vpcId = clb.vpcId) => {
        const { loadBalancerIds } = await byHand('CreateLoadBalancer', {
          LoadBalancerType: 'OPEN',
          VpcId: vpcId,
          Tags: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
        });
        for (let tries = 0; tries < 500; tries += 1) {
          const made = clb.state().loadBalancers.find(({ id }) => id === loadBalancerIds[0]);
          if (made?.status === 1) return made.id;
          await systemClock.sleep(5);
        }
        throw new Error('no load balancer');
      },
      deleteLoadBalancer: async (loadBalancerId) => {
        await byHand('DeleteLoadBalancer', { LoadBalancerIds: [loadBalancerId], ForceDelete: true });
      },
      createListener: async (loadBalancerId, port, targetIp) => {
        const made = await byHand('CreateListener', {
          LoadBalancerId: loadBalancerId,
          Ports: [port],
          Protocol: 'TCP',
          ListenerNames: ['by-hand'],
        });
        const [listenerId] = made.listenerIds;
        await byHand('BatchRegisterTargets', {
          LoadBalancerId: loadBalancerId,
          Targets: [{ ListenerId: listenerId ?? '', EniIp: targetIp, Port: 80, Weight: 10 }],
        });
      },
      setWeight: async (loadBalancerId, targetIp, weight) => {
        const listener = clb.state().loadBalancers[0]?.listeners[0];
        await byHand('BatchModifyTargetWeight', {
          LoadBalancerId: loadBalancerId,
          ModifyList: [
            { ListenerId: listener?.id ?? '', Targets: [{ EniIp: targetIp, Port: 80, Weight: weight }] },
          ],
        });
      },
    },
    script,
    writes: () => script().filter((line) => !line.startsWith('Describe')),
    told: () => writer.events.map(({ object, message }) => `${object.name} ${message.slice(0, 5)}`),
    close: async () => {
      api.close();
      if (addresses === undefined) return;
      await clb.close();
      for (const server of pods) {
        server.close();
        server.closeAllConnections();
      }
      await addresses.release();
    },
  };
};
