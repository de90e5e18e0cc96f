import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../model/clock.ts';
import { type LoadBalancerKey, lanes } from '../../../model/desired-state.ts';
import { nothingRecorded, type Recorded } from '../../../model/observed.ts';
import { budgetWindowMs, mostCalls } from '../budget.ts';
import type { Engine, Leadership, Need, Opened } from '../engine.ts';
import * as lb from '../kept-load-balancer.ts';
import { type Client, createScripts, StoreError, told } from './connect.ts';
import { controlText, readControl } from './control.ts';
import { shardKeys, shardOf } from './keys.ts';

export interface RedisEngineOptions {
  readonly client: Client;
  /** Of every key; several stores may share one Redis. */
  readonly prefix: string;
  /** How many parts the store has; the same for everybody who uses it. */
  readonly shards: number;
  readonly budgetPerSecond: number;
  /** For tests; absent: the server's own time. */
  readonly clock?: Clock;
}

const indexes = ['object', 'waiting', 'evidence', 'letter'] as const;

/** A released object's last state is remembered so long, for what is older and still on its way. */
const releasedLivesMs = 86_400_000;

/** Somebody else changed it in between; each time somebody has come further. */
const mostTries = 200;

const text = (value: unknown): string => (typeof value === 'string' ? value : String(value ?? ''));
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const leaders: readonly Leadership['leader'][] = ['none', 'putting', 'complete'];

/** As a script told it. */
interface Shown extends Opened {
  readonly revision: string;
  readonly control: string;
  readonly recorded: Recorded;
  /** As found: empty when nobody leads here yet. */
  readonly lead: { readonly epoch: string; readonly leader: string };
  readonly generation: string;
  readonly puts: number;
  readonly texts: ReadonlyMap<string, string>;
  readonly toKeep: Map<string, string>;
}

const shownOf = (key: LoadBalancerKey, need: Need, answer: unknown): Shown => {
  const [now, revision, control, record, epoch, leader, generation, puts, flat] = list(answer);
  const texts = new Map<string, string>();
  const parts = list(flat).map(text);
  for (let at = 0; at + 1 < parts.length; at += 2) texts.set(parts[at] ?? '', parts[at + 1] ?? '');
  const recorded: Recorded =
    need === 'control' ? lb.unread : text(record) === '' ? nothingRecorded : JSON.parse(text(record));
  const toKeep = new Map<string, string>();
  return {
    kept: readControl(key, text(control), recorded),
    leadership: {
      epoch: Number(text(epoch) || '0'),
      leader: leaders.find((one) => one === leader) ?? 'none',
    },
    now: Number(now),
    textOf: (uid) => toKeep.get(uid) ?? texts.get(uid),
    keepText: (uid, kept) => void toKeep.set(uid, kept),
    revision: text(revision),
    control: text(control),
    recorded,
    lead: { epoch: text(epoch), leader: text(leader) },
    generation: text(generation),
    puts: Number(puts),
    texts,
    toKeep,
  };
};

/**
 * Load balancers in Redis. A step is opened by one script and kept by another, which refuses when anything changed in
 * between; then it is done anew. Both touch one shard only.
 */
export const createRedisEngine = (options: RedisEngineOptions): Engine => {
  const { client, prefix, shards, budgetPerSecond, clock } = options;
  const scripts = createScripts(client);
  const all = Array.from({ length: shards }, (_, shard) => shardKeys(prefix, shard));
  const givenNow = (): string => (clock === undefined ? '' : String(clock.now()));
  const fresh = (): string => randomUUID();
  /** Tells revisions of this process from all others. */
  const me = randomUUID().slice(0, 8);
  let revisions = 0;
  /** Of each shard, when this process took over; of one that never did, as last asked for. */
  let generations: readonly string[] = all.map(() => '');
  let hasLed = false;

  const keysOf = (key: LoadBalancerKey) => {
    const shard = shardOf(key, shards);
    return { shard, of: all[shard] ?? shardKeys(prefix, shard) };
  };

  const show = async (key: LoadBalancerKey, need: Need): Promise<Shown> => {
    const { of } = keysOf(key);
    const keys = [of.loadBalancer(key), of.texts(key), of.leadership, of.generation, of.puts];
    return shownOf(key, need, await scripts.run('open', keys, [givenNow(), fresh(), need]));
  };

  /** Undefined: something changed meanwhile. */
  const keep = async (shown: Shown, count: boolean): Promise<number | undefined> => {
    const { kept, leadership, toKeep } = shown;
    const { of } = keysOf(kept.key);
    const control = lb.isBlank(kept) ? '' : controlText(kept);
    const recorded = kept.recorded === shown.recorded ? '' : JSON.stringify(kept.recorded);
    const led =
      leadership.epoch !== Number(shown.lead.epoch || '0') ||
      leadership.leader !== (shown.lead.leader || 'none');
    if (!count && !led && control === shown.control && recorded === '' && toKeep.size === 0)
      return shown.puts;
    revisions += 1;
    const due = lb.dueTimes(kept);
    const keeps = [...toKeep].filter(([uid]) => kept.events.has(uid));
    const before = readControl(kept.key, shown.control, lb.unread).events;
    const goes = [...before.keys()].filter((uid) => !kept.events.has(uid));
    const isEmpty = kept.events.size === 0;
    const flags = [
      kept.events.size > 0,
      [...kept.events.values()].some(({ waits }) => waits),
      kept.evidence.size > 0,
      kept.letters.size > 0,
    ];
    const answer = await scripts.run(
      'commit',
      [
        of.loadBalancer(kept.key),
        of.texts(kept.key),
        of.leadership,
        of.generation,
        of.puts,
        ...indexes.map((name) => of.index(name)),
        ...lanes.map((lane) => of.due(lane)),
        of.holds,
      ],
      [
        shown.revision,
        shown.lead.epoch,
        shown.lead.leader,
        shown.generation,
        `${me}.${revisions}`,
        kept.key,
        control,
        recorded,
        led ? String(leadership.epoch) : shown.lead.epoch,
        led ? leadership.leader : shown.lead.leader,
        flags.map(Number).join(''),
        lanes.map((lane) => `${due.get(lane) ?? ''},`).join(''),
        kept.hold?.owner ?? '',
        count ? '1' : '0',
        isEmpty ? String(releasedLivesMs) : '',
        String(keeps.length),
        ...keeps.flat(),
        ...goes,
      ],
    );
    return Number(answer) < 0 ? undefined : Number(answer);
  };

  /** What the shards say that can be asked: one that is down must not stop the others (law L12). Fails if none can. */
  const ofThoseThatAnswer = async <T>(step: (of: (typeof all)[number]) => Promise<T>): Promise<T[]> => {
    const answers = await Promise.allSettled(all.map(step));
    const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const [first] = answers;
    if (given.length === 0 && first?.status === 'rejected') throw first.reason;
    return given;
  };

  const generationWith = (shard: number, generation: string): string =>
    generations.map((known, at) => (at === shard ? generation : known)).join('.');

  const shardsNow = () =>
    Promise.all(
      all.map(async (of) => {
        const [now, epoch, generation] = list(
          await scripts.run('shard', [of.leadership, of.generation], [givenNow(), fresh()]),
        );
        return { of, now: Number(now), epoch: Number(epoch), generation: text(generation) };
      }),
    );

  return {
    budget: {
      ask: async (action, lane) => {
        const answer = await scripts.run(
          'budget',
          [`${prefix}:budget:${action}`],
          [givenNow(), budgetWindowMs, mostCalls(budgetPerSecond, lane)],
        );
        return Number(answer) < 0 ? { granted: true } : { granted: false, afterMs: Number(answer) };
      },
    },
    change: async (key, need, act, count = false) => {
      const { shard } = keysOf(key);
      for (let tries = 1; tries <= mostTries; tries += 1) {
        const shown = await show(key, need);
        const value = act(shown);
        const puts = await keep(shown, count);
        if (puts !== undefined) {
          return { value, counter: String(shard), generation: generationWith(shard, shown.generation), puts };
        }
        if (tries > 3) await sleep(Math.random() * Math.min(tries, 20));
      }
      throw new StoreError(`${key} is changed by others without end`);
    },
    look: async (keys, need, act) => Promise.all(keys.map(async (key) => act(await show(key, need)))),
    keysWith: async (what) => {
      const ask = (of: (typeof all)[number]) => told(client, () => client.smembers(of.index(what)));
      // Of the objects all or none: one that is not listed is one that nobody has.
      return (await (what === 'object' ? Promise.all(all.map(ask)) : ofThoseThatAnswer(ask))).flat();
    },
    heldBy: async (owner) => {
      const holds = await ofThoseThatAnswer((of) => told(client, () => client.hgetall(of.holds)));
      return holds.flatMap((held) => Object.entries(held).flatMap(([key, by]) => (by === owner ? key : [])));
    },
    due: async (limit) => {
      const answers = await ofThoseThatAnswer(async (of) =>
        list(await scripts.run('due', lanes.map(of.due), [givenNow(), limit])),
      );
      const next = Math.min(
        ...answers.map(([now, at]) =>
          text(at) === '' ? Number.POSITIVE_INFINITY : Number(at) - Number(now),
        ),
      );
      return {
        keys: answers.flatMap(([, , keys]) => list(keys).map(text)),
        ...(next === Number.POSITIVE_INFINITY ? {} : { nextInMs: next }),
      };
    },
    takeOver: async () => {
      for (let tries = 1; tries <= mostTries; tries += 1) {
        const found = await shardsNow();
        const epoch = Math.max(
          Math.max(...found.map((one) => one.epoch)) + 1,
          Math.floor(Math.max(...found.map(({ now }) => now)) / 1_000),
        );
        // All of them before the first put: whoever led before is refused everywhere.
        const led = await Promise.all(
          found.map(({ of, generation }) =>
            scripts.run('lead', [of.leadership, of.generation], [epoch, generation]),
          ),
        );
        if (led.every((answer) => Number(answer) === 1)) {
          hasLed = true;
          generations = found.map(({ generation }) => generation);
          return { epoch, generation: generations.join('.') };
        }
      }
      throw new StoreError('others take over without end');
    },
    complete: async (epoch) => {
      await Promise.all(all.map((of) => scripts.run('complete', [of.leadership], [epoch])));
    },
    generation: async () => {
      const found = (await shardsNow()).map(({ generation }) => generation);
      if (!hasLed) generations = found;
      return found.join('.');
    },
    writeNote: async (name, note) => {
      await told(client, () => client.set(`${prefix}:note:${name}`, note));
    },
    readNote: async (name) => (await told(client, () => client.get(`${prefix}:note:${name}`))) ?? undefined,
    takeTurn: async (name, ms) =>
      Number(await scripts.run('turn', [`${prefix}:turn:${name}`], [givenNow(), ms])) === 1,
    close: async () => client.disconnect(),
  };
};
