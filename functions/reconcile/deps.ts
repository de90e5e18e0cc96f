import type { Clb } from '../../shared/clb/clb-port.ts';
import type { ObjectWriter } from '../../shared/kubernetes/object-writer.ts';
import type { Clock } from '../../shared/model/clock.ts';
import type { Policy } from '../../shared/model/plan-types.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Store } from '../../shared/queue/store/store.ts';

/** What the reconcile function needs; put together in each platform's `main`. */
export interface ReconcileDeps {
  readonly store: Store;
  readonly clb: Clb;
  readonly writer: ObjectWriter;
  readonly policy: Policy;
  readonly clock: Clock;
  /** Unix ms when the platform ends the invocation; absent: it does not. */
  readonly deadlineAt?: number;
  readonly log: Log;
}

/** The longest that one step may take until its hold can be handed back: a call, its task, and the store. */
const stepMs = 15_000;

/** Whether what is begun now can be ended, or handed back, before the platform ends the invocation. */
export const hasTime = ({ deadlineAt, clock }: Pick<ReconcileDeps, 'deadlineAt' | 'clock'>): boolean =>
  deadlineAt === undefined || clock.now() + stepMs < deadlineAt;
