import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createMetrics, metricTable } from './metrics.ts';

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

const labelText = ([label, values]: [string, readonly string[]]): string =>
  values.length === 0 ? `\`${label}\`` : `\`${label}\`: ${values.join(', ')}`;

const row = ([name, { kind, labels, help }]: [
  string,
  (typeof metricTable)[keyof typeof metricTable],
]): string => `| \`${name}\` | ${kind} | ${Object.entries(labels).map(labelText).join('; ')} | ${help} |`;

test('docs/metrics.md has exactly the metrics of the table, each as the table has it', () => {
  const rows = page.split('\n').filter((line) => /^\| `/.test(line));
  expect(rows).toEqual(Object.entries(metricTable).map(row));
});

test('names and units are as Prometheus asks: counters end in _total, times are seconds', () => {
  for (const [name, { kind, help }] of Object.entries(metricTable)) {
    expect(name).toMatch(/^(clb_direct|process)_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(kind === 'counter');
    if (kind === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(help).toMatch(/\.$/);
  }
});

describe('what is counted', () => {
  const lineOf = async (
    metrics: ReturnType<typeof createMetrics>,
    start: string,
  ): Promise<string | undefined> =>
    (await metrics.scrape()).text.split('\n').find((line) => line.startsWith(start));

  test('begins at 0, rises, and two of them do not mix', async () => {
    const [one, two] = [createMetrics(), createMetrics()];
    const name = 'clb_direct_puts_total{outcome="refused"}';
    expect(await lineOf(one, name)).toBe(`${name} 0`);
    one.count('clb_direct_puts_total', { outcome: 'refused' });
    one.count('clb_direct_puts_total', { outcome: 'refused' }, 2);
    expect(await lineOf(one, name)).toBe(`${name} 3`);
    expect(await lineOf(two, name)).toBe(`${name} 0`);
  });

  test('a total is what was counted elsewhere, whatever it was before', async () => {
    const metrics = createMetrics();
    metrics.total('process_cpu_seconds_total', {}, 5);
    metrics.total('process_cpu_seconds_total', {}, 7);
    expect(await lineOf(metrics, 'process_cpu_seconds_total')).toBe('process_cpu_seconds_total 7');
    const labels = { resource: 'pods', reason: 'expired' } as const;
    metrics.total('clb_direct_watch_restarts_total', labels, 1);
    metrics.total('clb_direct_watch_restarts_total', labels, 4);
    const name = 'clb_direct_watch_restarts_total{resource="pods",reason="expired"}';
    expect(await lineOf(metrics, name)).toBe(`${name} 4`);
  });

  test('times fall into buckets; a clock that was set back counts as no time', async () => {
    const metrics = createMetrics();
    for (const seconds of [0.03, 3, -1]) {
      metrics.observe('clb_direct_due_wait_seconds', { lane: 'drain' }, seconds);
    }
    const bucket = (le: string): string => `clb_direct_due_wait_seconds_bucket{le="${le}",lane="drain"}`;
    expect(await lineOf(metrics, bucket('0.005'))).toBe(`${bucket('0.005')} 1`);
    expect(await lineOf(metrics, bucket('0.05'))).toBe(`${bucket('0.05')} 2`);
    expect(await lineOf(metrics, bucket('+Inf'))).toBe(`${bucket('+Inf')} 3`);
  });

  test('what is looked at is looked at when somebody scrapes', async () => {
    const metrics = createMetrics();
    let leading = 0;
    metrics.onScrape(() => metrics.set('clb_direct_leading', {}, leading));
    expect(await lineOf(metrics, 'clb_direct_leading')).toBe('clb_direct_leading 0');
    leading = 1;
    expect(await lineOf(metrics, 'clb_direct_leading')).toBe('clb_direct_leading 1');
  });
});
