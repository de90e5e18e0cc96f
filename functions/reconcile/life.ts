import type { DesiredState } from '../../shared/model/desired-state.ts';
import type { Hold } from '../../shared/model/hold.ts';
import { clientToken, loadBalancerName, tags } from '../../shared/model/names.ts';
import type { Recorded } from '../../shared/model/observed.ts';
import type { ReconcileDeps } from './reconcile.ts';

/** Where the life of a created load balancer stands. */
export type Life =
  | { readonly is: 'running'; readonly loadBalancerId: string }
  /** On its way: look again after so long. */
  | { readonly is: 'coming'; readonly afterMs: number; readonly recorded: Recorded }
  /** The object changed under our hands: its newer state decides. */
  | { readonly is: 'overtaken' };

const comingAfterMs = 1_000;

/** How long a load balancer that was just made may be missing from the answers before it counts as gone. */
const visibleWithinMs = 60_000;

const writeId = async (
  state: DesiredState,
  loadBalancerId: string,
  deps: ReconcileDeps,
): Promise<boolean> => {
  if (state.shown.loadBalancerId === loadBalancerId) return true;
  return (await deps.writer.loadBalancerId(state.object, loadBalancerId)) === 'written';
};

/**
 * Finds the load balancer of an object, or makes it. The order is the protection against leaks: finalizer and life
 * number, then create under a token of both, then the id on the object, and only then listeners.
 */
export const bringToLife = async (state: DesiredState, hold: Hold, deps: ReconcileDeps): Promise<Life> => {
  const { clb, writer, policy, clock } = deps;
  const { recorded } = hold;
  const { object, loadBalancer } = state;
  if (recorded.loadBalancer !== undefined) {
    return { is: 'running', loadBalancerId: recorded.loadBalancer.loadBalancerId };
  }
  const mine = tags(policy.clusterId, object.uid);
  const { creating } = recorded;
  // Before the first finalizer nothing can have been made: the look-up is spared.
  const found = state.finalizer || creating !== undefined ? await clb.find(mine) : undefined;
  if (found !== undefined) {
    // If we crashed between create and this write, the id is written now, before the first listener.
    if (!(await writeId(state, found.loadBalancerId, deps))) return { is: 'overtaken' };
    return found.ready
      ? { is: 'running', loadBalancerId: found.loadBalancerId }
      : { is: 'coming', afterMs: comingAfterMs, recorded };
  }
  if (creating !== undefined && clock.now() - creating.at < visibleWithinMs) {
    return { is: 'coming', afterMs: comingAfterMs, recorded };
  }
  const life = loadBalancer.source === 'created' ? (loadBalancer.life ?? 0) : 0;
  // An id on the object, or a life without its finalizer, or one that never showed up: that life is over.
  const over = state.shown.loadBalancerId !== undefined || !state.finalizer || creating !== undefined;
  const claimed = await writer.claim(object, over ? life + 1 : Math.max(life, 1));
  if (claimed.outcome !== 'written' || claimed.life === undefined) return { is: 'overtaken' };
  const { loadBalancerId } = await clb.create(
    {
      name: loadBalancerName(policy.clusterId, object.namespace, object.name),
      network: loadBalancer.source === 'created' ? loadBalancer.network : { type: 'public' },
      clientToken: clientToken(object.uid, claimed.life),
      tags: mine,
    },
    hold,
  );
  if (loadBalancerId === undefined) return { is: 'coming', afterMs: comingAfterMs, recorded };
  const made: Recorded = { ...recorded, creating: { loadBalancerId, at: clock.now() } };
  // If we crash before this is kept, tags and token find the same one again.
  await hold.record(made);
  await writer.loadBalancerId(object, loadBalancerId);
  return { is: 'coming', afterMs: comingAfterMs, recorded: made };
};

/** Deletes the load balancer of an object that wants nothing any more. True: nothing of it is left. */
export const bringToEnd = async (
  state: DesiredState,
  hold: Hold,
  deps: ReconcileDeps,
): Promise<{ readonly ended: boolean; readonly protectedId?: string }> => {
  const { clb, policy } = deps;
  const known = hold.recorded.loadBalancer?.loadBalancerId ?? hold.recorded.creating?.loadBalancerId;
  // Only what carries our tags is deleted, whatever the object's annotations say (law L8).
  const loadBalancerId = known ?? (await clb.find(tags(policy.clusterId, state.object.uid)))?.loadBalancerId;
  if (loadBalancerId === undefined) return { ended: true };
  const removed = await clb.remove(loadBalancerId, hold);
  return removed.protected ? { ended: true, protectedId: loadBalancerId } : { ended: removed.gone };
};
