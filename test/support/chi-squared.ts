/** How far counts are from what weights ask for: Pearson's statistic. */
export const chiSquared = (counts: readonly number[], weights: readonly number[]): number => {
  const count = counts.reduce((sum, one) => sum + one, 0);
  const weight = weights.reduce((sum, one) => sum + one, 0);
  return counts.reduce((sum, one, at) => {
    const expected = (count * (weights[at] ?? 0)) / weight;
    return sum + (one - expected) ** 2 / expected;
  }, 0);
};

/** A statistic of up to four counts that are spread by their weights is above it once in a million times. */
export const unlikely = 30.7;
