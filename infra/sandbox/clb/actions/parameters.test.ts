import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../api-error.ts';
import { allActions } from './all.ts';
import { notSimulated } from './not-simulated.ts';
import { codesOfRange, type Limit, limits } from './parameter-limits.fixture.ts';

/** A member of an object of the API, as the SDK's generated types declare it. */
interface Member {
  readonly name: string;
  readonly required: boolean;
  readonly list: boolean;
  /** `string`, `number`, `boolean`, or the name of another object. */
  readonly type: string;
}

const modelsFile = createRequire(import.meta.url).resolve(
  'tencentcloud-sdk-nodejs/tencentcloud/services/clb/v20180317/clb_models.d.ts',
);

/** Every object of the API by its name. The types are generated from the API's own definition. */
const models: ReadonlyMap<string, readonly Member[]> = new Map(
  [
    ...readFileSync(modelsFile, 'utf8')
      .replaceAll(/\/\*[\s\S]*?\*\//g, '')
      .matchAll(/export (?:interface|type) (\w+) (?:= null|\{([^}]*)\})/g),
  ].map(([, model = '', body = '']) => [
    model,
    [...body.matchAll(/(\w+)(\??): (Array<)?(\w+)/g)].map(
      ([, name = '', optional, isList, type = '']): Member => ({
        name,
        required: optional === '',
        list: isList !== undefined,
        type,
      }),
    ),
  ]),
);

const membersOf = (model: string): readonly Member[] => models.get(model) ?? [];
const keyOf = (model: string, { name }: Member): string => `${model.replace(/Request$/, '')}.${name}`;
const used = new Set<string>();
const limitOf = (model: string, member: Member): Limit => {
  const key = keyOf(model, member);
  if (key in limits) used.add(key);
  return limits[key] ?? {};
};

type Json = Record<string, unknown>;

const itemValue = (model: string, member: Member, all: boolean): unknown => {
  const { words, min = 1 } = limitOf(model, member);
  if (member.type === 'string') return words?.[0] ?? 'x'.repeat(member.list ? 1 : min);
  if (member.type === 'number') return min;
  if (member.type === 'boolean') return true;
  return objectOf(member.type, all);
};

const memberValue = (model: string, member: Member, all: boolean): unknown =>
  member.list ? [itemValue(model, member, all)] : itemValue(model, member, all);

/** A valid object, with the members that are required or with all of them. */
const objectOf = (model: string, all: boolean): Json =>
  Object.fromEntries(
    membersOf(model)
      .filter(({ required }) => required || all)
      .map((member) => [member.name, memberValue(model, member, all)]),
  );

/** One thing that is wrong with a request, and what must be said about it. */
interface Wrong {
  readonly parameters: Json;
  readonly code: string;
  /** What the message names. */
  readonly path: string;
}

/** What can be wrong with a value, with the code that tells it. */
const wrongValues = (model: string, member: Member, rangeCode: string): [value: unknown, code: string][] => {
  const { min, max, words } = limitOf(model, member);
  const lengthCode = 'InvalidParameterValue.Length';
  if (member.list) {
    const item = itemValue(model, member, false);
    return [
      ['text', 'InvalidParameter'],
      ...(max === undefined ? [] : [[Array(max + 1).fill(item), lengthCode] as [unknown, string]]),
      ...(min === undefined ? [] : [[[], lengthCode] as [unknown, string]]),
    ];
  }
  if (member.type === 'number') {
    return [
      ['text', 'InvalidParameter'],
      [1.5, 'InvalidParameter'],
      ...(min === undefined ? [] : [[min - 1, rangeCode] as [unknown, string]]),
      ...(max === undefined ? [] : [[max + 1, rangeCode] as [unknown, string]]),
    ];
  }
  if (member.type !== 'string') return [['text', 'InvalidParameter']];
  return [
    [7, 'InvalidParameter'],
    ...(words === undefined ? [] : [['NONSENSE', 'InvalidParameterValue'] as [unknown, string]]),
    ...(max === undefined ? [] : [['x'.repeat(max + 1), lengthCode] as [unknown, string]]),
    ...(min === undefined || min === 0 ? [] : [['x'.repeat(min - 1), lengthCode] as [unknown, string]]),
  ];
};

/** Everything that can be wrong with an object of a request, and with those inside of it. */
const wrongs = (model: string, at: string, rangeCode: string, inRequest: (object: Json) => Json): Wrong[] => {
  const base = objectOf(model, false);
  const path = (name: string): string => (at === '' ? name : `${at}.${name}`);
  const wrong = (object: Json, code: string, name: string): Wrong => ({
    parameters: inRequest(object),
    code,
    path: path(name),
  });
  return [
    wrong({ ...base, Nonsense: 1 }, 'UnknownParameter', 'Nonsense'),
    ...membersOf(model).flatMap((member): Wrong[] => {
      const { name, required, list, type } = member;
      const { [name]: _, ...without } = base;
      const inside = list ? `${path(name)}.0` : path(name);
      return [
        ...(required ? [wrong(without, 'MissingParameter', name)] : []),
        ...wrongValues(model, member, rangeCode).map(([value, code]) =>
          wrong({ ...base, [name]: value }, code, name),
        ),
        ...(models.has(type)
          ? wrongs(type, inside, rangeCode, (object) =>
              inRequest({ ...base, [name]: list ? [object] : object }),
            )
          : list && type === 'string'
            ? [{ ...wrong({ ...base, [name]: [7] }, 'InvalidParameter', name), path: inside }]
            : []),
      ];
    }),
  ];
};

const actions = allActions();

/** What the door says to a request. */
const answer = (name: string, parameters: Json): string => {
  try {
    actions.get(name)?.prepare(parameters, { coerceStrings: false });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return `${error.code}: ${error.message}`;
  }
};

describe('the parameters of every action, as the official SDK declares them', () => {
  it.each([...actions.keys()].filter((name) => !notSimulated.includes(name)))('%s', (name) => {
    const request = `${name}Request`;
    expect(models.has(request)).toBe(true);
    expect(answer(name, objectOf(request, false))).toBe('accepted');
    expect(answer(name, objectOf(request, true))).toBe('accepted');
    const rangeCode = codesOfRange.includes(name) ? 'InvalidParameterValue.Range' : 'InvalidParameterValue';
    const misjudged = wrongs(request, '', rangeCode, (object) => object)
      .map(({ parameters, code, path }) => ({ code, path, parameters, said: answer(name, parameters) }))
      .filter(({ code, path, said }) => {
        const [before = '', after = ''] = said.split(/(?<=^[\w.]+): /);
        return before !== code || !(after.includes(`\`${path}\``) || after.includes(`.${path} `));
      });
    expect(misjudged).toEqual([]);
  });

  it('no limit is without a parameter', () => {
    expect(Object.keys(limits).filter((key) => !used.has(key))).toEqual([]);
  });
});
