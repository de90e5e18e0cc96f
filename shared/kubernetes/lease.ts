import type { Clock, Random } from '../model/clock.ts';
import type { Log } from '../process/log.ts';
import type { Connection } from './connection.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { heldBy, leaseRecordOf, newLease, released } from './lease-record.ts';
import { requestJson } from './request.ts';

export interface LeaseSettings {
  readonly namespace: string;
  readonly name: string;
  /** Who we are; the same identity takes its own lease again at once, so it must be of one process only. */
  readonly identity: string;
  /** Others wait so long after the last renewal that they saw; whole seconds. 3 s unless told. */
  readonly durationMs?: number;
  /** 1 s unless told. */
  readonly renewMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Ms that never jump; `performance.now` unless told. */
  readonly monotonicMs?: () => number;
  readonly log: Log;
  readonly onAcquired: () => void;
  /** It is not ours any more, or may not be: stop at once. Not called by `stop`. */
  readonly onLost: () => void;
}

export interface LeaseHolder {
  /** Ours now, by our own clock. */
  readonly held: boolean;
  /** Gives it up, so that another may have it at once; resolves when that is written or cannot be. */
  stop(): Promise<void>;
}

/** The server said that somebody else wrote in between. */
const isConflict = (error: unknown): boolean => error instanceof KubernetesError && error.status === 409;

class RunningLease implements LeaseHolder {
  readonly #connection: Connection;
  readonly #settings: LeaseSettings;
  readonly #durationMs: number;
  readonly #renewMs: number;
  /** Ours ends this long after a renewal was sent: before anybody else, who saw it later, may think so. */
  readonly #deadlineMs: number;
  readonly #monotonicMs: () => number;
  readonly #collection: string;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** As last written by us, while it is ours. */
  #own: unknown;
  #heldUntil = Number.NEGATIVE_INFINITY;
  #expiry: NodeJS.Timeout | undefined;
  /** What others wrote, and when we first saw it: their clocks are never compared with ours. */
  #seen: { readonly written: string; readonly at: number } | undefined;

  constructor(connection: Connection, settings: LeaseSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#durationMs = settings.durationMs ?? 3_000;
    this.#renewMs = settings.renewMs ?? 1_000;
    this.#deadlineMs = this.#durationMs - this.#renewMs / 2;
    this.#monotonicMs = settings.monotonicMs ?? (() => performance.now());
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(settings.namespace)}/leases`;
    this.#running = this.#run();
  }

  get held(): boolean {
    return this.#own !== undefined && this.#monotonicMs() < this.#heldUntil;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#expiry);
    this.#own = undefined;
    await this.#running;
    try {
      await this.#release();
    } catch (error) {
      this.#settings.log.info('The lease could not be given up; it runs out', { error });
    }
  }

  get #path(): string {
    return `${this.#collection}/${encodeURIComponent(this.#settings.name)}`;
  }

  async #run(): Promise<void> {
    const { clock, random, log } = this.#settings;
    while (!this.#stopping.signal.aborted) {
      let waitMs = this.#renewMs * (0.9 + random() * 0.2);
      try {
        if (this.#own === undefined) waitMs = Math.min(waitMs, await this.#tryToTake());
        else await this.#renew(this.#own);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        log.warn('The lease could not be read or written', { error });
        if (this.#own !== undefined) waitMs = this.#renewMs / 5;
      }
      await clock.sleep(waitMs, this.#stopping.signal);
    }
  }

  /** @returns when to look again at the latest, in ms */
  async #tryToTake(): Promise<number> {
    const { name, namespace, identity, clock } = this.#settings;
    let lease: unknown;
    try {
      lease = await this.#send('GET', this.#path);
    } catch (error) {
      if (!(error instanceof KubernetesError) || error.status !== 404) throw error;
      await this.#take('POST', newLease(name, namespace, identity, this.#durationMs, clock.now()));
      return this.#renewMs;
    }
    const { holder, durationMs, written } = leaseRecordOf(lease);
    if (this.#seen?.written !== written) this.#seen = { written, at: this.#monotonicMs() };
    const freeAt = this.#seen.at + (durationMs ?? this.#durationMs);
    const leftMs = freeAt - this.#monotonicMs();
    if (holder !== undefined && holder !== identity && leftMs > 0) return leftMs + 1;
    await this.#take('PUT', heldBy(lease, identity, this.#durationMs, clock.now()));
    return this.#renewMs;
  }

  async #take(method: 'PUT' | 'POST', lease: unknown): Promise<void> {
    const sentAt = this.#monotonicMs();
    try {
      const taken = await this.#send(method, method === 'PUT' ? this.#path : this.#collection, lease);
      if (this.#keep(taken, sentAt)) this.#settings.onAcquired();
    } catch (error) {
      // Another was first.
      if (!isConflict(error)) throw error;
    }
  }

  async #renew(own: unknown): Promise<void> {
    const { identity, clock } = this.#settings;
    const sentAt = this.#monotonicMs();
    const leftMs = this.#heldUntil - sentAt;
    if (leftMs <= 0) return this.#lose();
    try {
      const renewed = heldBy(own, identity, this.#durationMs, clock.now());
      const answer = await this.#send('PUT', this.#path, renewed, leftMs);
      // Lost while it was under way, and said so: it is taken anew, not renewed.
      if (this.#own === own) this.#keep(answer, sentAt);
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 404) return this.#lose();
      if (!isConflict(error)) throw error;
      // Somebody wrote: others on the lease, or ourselves, and only the answer was lost.
      const found = await this.#send('GET', this.#path, undefined, leftMs);
      if (leaseRecordOf(found).holder !== identity) return this.#lose();
      if (this.#own !== undefined) this.#own = found;
      throw error;
    }
  }

  /** Ours from the moment when the write was sent. False: that is too long ago by now, or we are stopping. */
  #keep(lease: unknown, sentAt: number): boolean {
    const leftMs = sentAt + this.#deadlineMs - this.#monotonicMs();
    if (this.#stopping.signal.aborted || leftMs <= 0) return false;
    this.#own = lease;
    this.#heldUntil = sentAt + this.#deadlineMs;
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#lose(), leftMs);
    return true;
  }

  #lose(): void {
    if (this.#own === undefined) return;
    this.#own = undefined;
    this.#seen = undefined;
    clearTimeout(this.#expiry);
    this.#settings.onLost();
  }

  async #release(): Promise<void> {
    const lease = await this.#send('GET', this.#path, undefined, this.#renewMs, false);
    if (leaseRecordOf(lease).holder !== this.#settings.identity) return;
    const free = released(lease, this.#settings.clock.now());
    await this.#send('PUT', this.#path, free, this.#renewMs, false);
  }

  #send(
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    body?: unknown,
    timeoutMs = this.#deadlineMs,
    untilStopped = true,
  ): Promise<unknown> {
    return requestJson(this.#connection, {
      method,
      path,
      timeoutMs,
      ...(body === undefined ? {} : { body }),
      ...(untilStopped ? { signal: this.#stopping.signal } : {}),
    });
  }
}

/**
 * Asks for a Lease, renews it, and says when it is ours and when not. Two clocks that differ do no harm: how long
 * another has not renewed is measured here, from when its last renewal was seen here. A process that was paused past
 * its deadline is told so as soon as it runs again; what it may have sent meanwhile must be fenced by who receives it.
 */
export const holdLease = (connection: Connection, settings: LeaseSettings): LeaseHolder =>
  new RunningLease(connection, settings);
