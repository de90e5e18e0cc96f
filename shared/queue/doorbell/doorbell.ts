import type { Lane, LoadBalancerKey } from '../../model/desired-state.ts';

export interface Ring {
  readonly loadBalancerKey: LoadBalancerKey;
  readonly lane: Lane;
}

/**
 * Wakes somebody for a load balancer. It carries only the key and may lose, repeat, reorder or delay; no law
 * rests on it.
 */
export interface Doorbell {
  ring(rings: readonly Ring[]): Promise<void>;
  /**
   * Batches, urgent lanes first, at most `batchSize`; the next batch comes when the promise settles.
   *
   * @returns stops listening: no batch begins any more, and what rings from then on is left for others; resolves
   * when the batch on its way has settled
   */
  listen(
    onBatch: (rings: readonly Ring[]) => Promise<void>,
    options: { readonly batchSize: number },
  ): () => Promise<void>;
  close(): Promise<void>;
}
