import type { PodFact } from '../model/facts.ts';
import type { GonePod } from '../model/view.ts';

/** `View.gonePod` promises ten minutes. */
const rememberMs = 15 * 60_000;

/** 20 MB or so. Whoever deletes more Pods in that time loses evidence early: absence must be read again then. */
const maxRemembered = 100_000;

/** Deletions that were seen, oldest forgotten first. */
export class GonePods {
  readonly #pods = new Map<string, GonePod>();
  readonly #max: number;

  constructor(max = maxRemembered) {
    this.#max = max;
  }

  add(pod: PodFact, at: number): void {
    const { uid, namespace } = pod.ref;
    this.#pods.delete(uid);
    this.#pods.set(uid, { uid, namespace, ips: pod.ips, at });
    for (const [oldest, gone] of this.#pods) {
      if (gone.at > at - rememberMs && this.#pods.size <= this.#max) break;
      this.#pods.delete(oldest);
    }
  }

  /** The Pod is there again, as after an etcd was restored. */
  forget(uid: string): void {
    this.#pods.delete(uid);
  }

  get(uid: string): GonePod | undefined {
    return this.#pods.get(uid);
  }
}
