import type { FaultEffect } from '../../infra/sandbox/clb/faults.ts';
import type { Fault as ApiFault, FaultMatch } from '../../infra/sandbox/cluster/api-server/faults.ts';
import type { Cluster } from '../../infra/sandbox/cluster/cluster.ts';
import type { FunctionHost } from '../../infra/sandbox/functions/host.ts';
import { askRedis, type RedisServer } from '../../infra/sandbox/redis-server.ts';
import { type ChaosWorld, type Fault, faultMs, longMs } from './world.ts';

/** Our own clients: the stand-ins of Kubernetes' controllers and kubelets have users of their own. */
const ours: FaultMatch = ({ user }) => user !== 'system:kube-controller-manager';

/** The API server answers us with this. */
export const apiServer = (fault: ApiFault, at: Fault['at'] = 'rolling'): Fault<Cluster> => ({
  at,
  lastsMs: faultMs,
  begin: ({ sandbox }) => {
    const { faults } = sandbox.cluster.api;
    const end = faults.add(ours, fault);
    faults.cutWatches(ours);
    return end;
  },
});

/** Every open watch of ours breaks, and cannot be resumed where it was. */
export const watchesForgotten = (at: Fault['at'] = 'rolling'): Fault<Cluster> => ({
  at,
  lastsMs: faultMs,
  begin: ({ sandbox }) => {
    const { faults } = sandbox.cluster.api;
    const resumed: FaultMatch = (request) =>
      ours(request) && request.isWatch && request.query.get('resourceVersion') !== null;
    const end = faults.add(resumed, { kind: 'status', code: 410, reason: 'Expired' });
    faults.cutWatches(ours);
    return end;
  },
});

/** The CLB API does this to every call, or to those of one action. */
export const clb = (effect: FaultEffect, action?: string | string[], at: Fault['at'] = 'rolling'): Fault => ({
  at,
  lastsMs: faultMs,
  begin: ({ sandbox }) => sandbox.clb.faults.inject({ effect, ...(action === undefined ? {} : { action }) }),
});

type Process = 'leader' | 'standby';

const find = async ({ sandbox: { system } }: ChaosWorld, which: Process) => {
  const leader = await system.leader();
  if (which === 'leader') return leader;
  const found = system.processes.find(
    (process) => process !== leader && process.name.startsWith('forwarder'),
  );
  if (found === undefined) throw new Error(`no ${which} runs here`);
  return found;
};

/** A process of this project is killed; it is started again as a Deployment would. */
export const killed = (which: Process, at: Fault['at']): Fault => ({
  at,
  lastsMs: 0,
  begin: async (world) => {
    (await find(world, which)).kill('SIGKILL');
    return () => undefined;
  },
});

/** A process of this project hangs, and goes on as if nothing had been. */
export const stopped = (which: Process, at: Fault['at']): Fault => ({
  at,
  lastsMs: faultMs,
  begin: async (world) => {
    const process = await find(world, which);
    process.kill('SIGSTOP');
    return () => process.kill('SIGCONT');
  },
});

/** At the first write of targets from now on: whoever makes it is in the midst of a pass, with its hold. */
const atNextWrite = ({ sandbox }: ChaosWorld, act: () => boolean): (() => void) => {
  const stopListening = sandbox.clb.on('call', ({ action }) => {
    if (action.startsWith('Batch') && act()) stopListening();
  });
  return stopListening;
};

const workersOf = ({ sandbox }: ChaosWorld) =>
  sandbox.system.processes.filter(({ name }) => name.startsWith('worker'));

/** All workers are killed in the midst of a write. */
export const workersKilled: Fault = {
  at: 'rolling',
  lastsMs: faultMs,
  begin: (world) =>
    atNextWrite(world, () => {
      for (const worker of workersOf(world)) worker.kill('SIGKILL');
      return true;
    }),
};

/** All workers hang in the midst of a write, and go on when the hold of who wrote is over. */
export const workersStopped: Fault = {
  at: 'containers-ready',
  lastsMs: faultMs,
  begin: (world) => {
    const stopListening = atNextWrite(world, () => {
      for (const worker of workersOf(world)) worker.kill('SIGSTOP');
      return true;
    });
    return () => {
      stopListening();
      for (const worker of workersOf(world)) worker.kill('SIGCONT');
    };
  },
};

const functionsOf = ({ sandbox }: ChaosWorld): FunctionHost => {
  const { functions } = sandbox.system;
  if (functions === undefined) throw new Error('the functions are no instances here');
  return functions;
};

/**
 * Instances are killed one CLB call further each time: before the first, after the first, after the second, … So each
 * gap between two calls of a pass is one in which somebody died.
 */
export const functionsKilledBetweenCalls: Fault = {
  at: 'rolling',
  lastsMs: faultMs,
  begin: (world) => {
    const functions = functionsOf(world);
    let gap = 0;
    let calls = 0;
    return world.sandbox.clb.on('call', () => {
      calls += 1;
      if (calls <= gap) return;
      gap = (gap + 1) % 6;
      calls = 0;
      functions.kill('SIGKILL', 'busy');
    });
  },
};

/** Whoever is busy with a call hangs, and goes on when the fault is over: its hold is somebody else's by then. */
export const functionsStopped: Fault = {
  at: 'containers-ready',
  lastsMs: faultMs,
  begin: (world) => {
    const functions = functionsOf(world);
    const stopListening = atNextWrite(world, () => functions.kill('SIGSTOP', 'busy') > 0);
    return () => {
      stopListening();
      functions.kill('SIGCONT', 'busy');
    };
  },
};

/** The platform takes no invocation. */
export const invocationsRefused: Fault = {
  at: 'rolling',
  lastsMs: faultMs,
  begin: (world) => {
    const functions = functionsOf(world);
    functions.refuse(true);
    return () => functions.refuse(false);
  },
};

/** The functions end well, and nobody is told. */
export const answersLost: Fault = {
  at: 'rolling',
  lastsMs: faultMs,
  begin: (world) => {
    const functions = functionsOf(world);
    functions.dropAnswers(1_000);
    return () => functions.dropAnswers(0);
  },
};

const redisOf = ({ sandbox }: ChaosWorld): RedisServer => {
  const { redis } = sandbox.system;
  if (redis === undefined) throw new Error('there is no Redis of our own here');
  return redis;
};

/** Redis is away, and comes back with what it had, or with nothing. */
export const redisAway = (data: 'kept' | 'lost', at: Fault['at']): Fault => ({
  at,
  lastsMs: faultMs,
  begin: async (world) => {
    const redis = redisOf(world);
    await redis.kill();
    return () => redis.start(data);
  },
});

export const redisStopped: Fault = {
  at: 'containers-ready',
  lastsMs: faultMs,
  begin: (world) => {
    const redis = redisOf(world);
    redis.pause();
    return () => redis.resume();
  },
};

/** Redis has forgotten everything, and goes on: all is in it again within 30 s. */
export const redisFlushed = (at: Fault['at']): Fault => ({
  at,
  lastsMs: 0,
  begin: async (world) => {
    const before = (await world.leaderCounts()).get('clb_direct_store_generations_total') ?? 0;
    await askRedis(redisOf(world).port, 'FLUSHALL');
    return () => world.inSyncAgain(before);
  },
});

/** Several at once, for longer than any of them alone; not so long that a Pod which was told to go is gone. */
export const together = (at: Fault['at'], faults: readonly Fault[]): Fault => ({
  at,
  lastsMs: longMs,
  begin: async (world) => {
    const ends = await Promise.all(faults.map((fault) => fault.begin(world)));
    return () => Promise.all(ends.map((end) => end()));
  },
});
