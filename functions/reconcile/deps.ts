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
  readonly log: Log;
}
