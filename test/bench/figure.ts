/** One line of a figure: what was measured, and what it is held against, both in the same run. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly measured: number;
  readonly against: number;
  /** `measured` by `against`; null where `against` is 0 and `measured` is not. */
  readonly ratio: number | null;
}

export interface Measured {
  readonly figure: string;
  /** What `against` is, in a word or two: a column's heading. */
  readonly against: string;
  readonly rows: readonly Row[];
  /** What the rows were made from, for who wants to judge them. */
  readonly facts: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Runnable processes by CPU in the last minute of it: well above 1, others were at work and its times are too long. */
  readonly load: number;
}

export interface FigureOptions {
  /** `small`: as little as shows that it works; its numbers say nothing. */
  readonly size: 'full' | 'small';
  /** Progress, for who waits. */
  readonly say: (line: string) => void;
}

export interface Figure {
  readonly name: string;
  readonly summary: string;
  /** @throws Error when it could not measure */
  run(options: FigureOptions): Promise<Omit<Measured, 'figure' | 'seconds' | 'load'>>;
}

/** It could not be measured. */
export class NotMeasured extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'NotMeasured';
  }
}

const rounded = (value: number): number => Number(value.toPrecision(4));

/**
 * @throws NotMeasured when either is no number: a figure that was not measured is not shown
 */
export const row = (what: string, unit: string, measured: number, against: number): Row => {
  if (!Number.isFinite(measured) || !Number.isFinite(against)) {
    throw new NotMeasured(`${what}: ${measured} against ${against} ${unit}`);
  }
  const ratio = against === 0 ? (measured === 0 ? 1 : null) : rounded(measured / against);
  return { what, unit, measured: rounded(measured), against: rounded(against), ratio };
};

/**
 * The smallest value that so much of them does not exceed (nearest rank).
 *
 * @param share 0 to 1
 * @throws NotMeasured when there are none
 */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new NotMeasured('no values');
  return found;
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** p50 and p99 of both, row by row. */
export const percentileRows = (
  what: string,
  unit: string,
  measured: readonly number[],
  against: readonly number[],
): readonly Row[] =>
  ([0.5, 0.99] as const).map((share) =>
    row(`${what}, p${share * 100}`, unit, percentile(measured, share), percentile(against, share)),
  );
