import type { DesiredState } from '../../shared/model/desired-state.ts';
import type { Hold } from '../../shared/model/hold.ts';
import { clientToken, loadBalancerName, tags } from '../../shared/model/names.ts';
import type { Recorded } from '../../shared/model/observed.ts';
import type { ReconcileDeps } from './deps.ts';

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
    const { loadBalancerId, ready } = found;
    const shown = state.shown.loadBalancerId === loadBalancerId;
    if (!shown && creating?.idWritten !== true) {
      if ((await writer.loadBalancerId(object, loadBalancerId)) !== 'written') return { is: 'overtaken' };
    }
    if (ready) return { is: 'running', loadBalancerId };
    const at = creating?.at ?? clock.now();
    return {
      is: 'coming',
      afterMs: comingAfterMs,
      recorded: { ...recorded, creating: { loadBalancerId, at, idWritten: true } },
    };
  }
  if (creating !== undefined && clock.now() - creating.at < visibleWithinMs) {
    return { is: 'coming', afterMs: comingAfterMs, recorded };
  }
  const life = loadBalancer.source === 'created' ? (loadBalancer.life ?? 0) : 0;
  // An id on the object, or a life without its finalizer, or one that never showed up: that life is over.
  const over = state.shown.loadBalancerId !== undefined || !state.finalizer || creating !== undefined;
  const claimed = await writer.claim(object, over ? life + 1 : Math.max(life, 1), 'created');
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
  const creatingNow = { loadBalancerId, at: clock.now(), idWritten: false };
  // If we crash before this is kept, tags and token find the same one again.
  await hold.record({ ...recorded, creating: creatingNow });
  const idWritten = (await writer.loadBalancerId(object, loadBalancerId)) === 'written';
  return {
    is: 'coming',
    afterMs: comingAfterMs,
    recorded: { ...recorded, creating: { ...creatingNow, idWritten } },
  };
};

/** A deletion that is not through by then is asked for again. */
const removedWithinMs = 30_000;

export type End =
  | { readonly is: 'ended'; readonly protectedId?: string }
  | { readonly is: 'ending'; readonly recorded: Recorded };

/** Deletes the load balancer of an object that wants nothing any more. `ended`: nothing of it is left to do. */
export const bringToEnd = async (state: DesiredState, hold: Hold, deps: ReconcileDeps): Promise<End> => {
  const { clb, policy, clock } = deps;
  const { recorded } = hold;
  const known = recorded.loadBalancer?.loadBalancerId ?? recorded.creating?.loadBalancerId;
  // Only what carries our tags is deleted, whatever the object's annotations say (law L8).
  const loadBalancerId = known ?? (await clb.find(tags(policy.clusterId, state.object.uid)))?.loadBalancerId;
  if (loadBalancerId === undefined) return { is: 'ended' };
  const { removing } = recorded;
  const asked = removing?.loadBalancerId === loadBalancerId && clock.now() - removing.at < removedWithinMs;
  const removed = await clb.remove(loadBalancerId, hold, asked);
  if (removed.protected) return { is: 'ended', protectedId: loadBalancerId };
  if (removed.gone) return { is: 'ended' };
  return {
    is: 'ending',
    recorded: asked ? recorded : { ...recorded, removing: { loadBalancerId, at: clock.now() } },
  };
};
