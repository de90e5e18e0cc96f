import type { ClientReport } from '../load/report.ts';

const windowMs = 1_500;

/** Requests a second of each client, over the last second or so. */
export class Rates {
  readonly #seen = new Map<string, { readonly atMs: number; readonly total: number }[]>();

  add({ name, atMs, total, final }: ClientReport): void {
    let seen = this.#seen.get(name) ?? [];
    // A client of that name that counts from the start again is another one.
    if (final || total < (seen.at(-1)?.total ?? 0)) seen = [];
    seen.push({ atMs, total });
    this.#seen.set(
      name,
      seen.filter((report) => atMs - report.atMs <= windowMs),
    );
  }

  /** By name; none for clients that have stopped. */
  perSecond(): Map<string, number> {
    const rates = new Map<string, number>();
    for (const [name, seen] of this.#seen) {
      const [first, last] = [seen[0], seen.at(-1)];
      if (first === undefined || last === undefined || last.atMs === first.atMs) continue;
      rates.set(name, ((last.total - first.total) * 1000) / (last.atMs - first.atMs));
    }
    return rates;
  }
}
