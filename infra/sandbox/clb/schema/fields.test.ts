import { describe, expect, it } from 'vitest';
import { ApiError } from '../api-error.ts';
import { type Field, flag, integer, list, structure, text, word } from './fields.ts';

const schema = structure(
  { Id: text() },
  {
    Name: text({ min: 1, max: 4 }),
    Kind: word('OPEN', 'INTERNAL'),
    On: flag,
    Targets: list(structure({ Port: integer(1, 65_535) }, { Weight: integer(0, 100) }), { max: 2 }),
  },
);

const leniency = { coerceStrings: false, rangeCode: 'InvalidParameterValue' };

const refusal = <T>(field: Field<T>, value: unknown, lenient = leniency): [string, string] => {
  try {
    field.parse(value, '', lenient);
  } catch (error) {
    if (error instanceof ApiError) return [error.code, error.message];
  }
  throw new Error('It was expected to be refused.');
};

describe('the schema of an action', () => {
  it('gives back what it was given, words in the case of the list, null as absent', () => {
    const parsed = schema.parse(
      { Id: 'lb-1', Name: null, Kind: 'open', On: true, Targets: [{ Port: 80, Weight: 0 }] },
      '',
      leniency,
    );
    expect(parsed).toEqual({ Id: 'lb-1', Kind: 'OPEN', On: true, Targets: [{ Port: 80, Weight: 0 }] });
  });

  it.each<[string, unknown, string, string]>([
    [
      'unknown at the top',
      { Id: 'a', $schema: 1 },
      'UnknownParameter',
      'The parameter `$schema` is not recognized.',
    ],
    [
      'unknown inside',
      { Id: 'a', Targets: [{ Port: 1, Prot: 2 }] },
      'UnknownParameter',
      'The parameter `Targets.0.Prot` is not recognized.',
    ],
    ['missing', {}, 'MissingParameter', 'The request is missing a required parameter `Id`.'],
    [
      'missing inside',
      { Id: 'a', Targets: [{ Port: 1 }, {}] },
      'MissingParameter',
      'The request is missing a required parameter `Targets.1.Port`.',
    ],
    [
      'of another type',
      { Id: 'a', Targets: [{ Port: '80' }] },
      'InvalidParameter',
      'The value type of parameter `Targets.0.Port` is not valid, input type should be `integer` ',
    ],
    [
      'not an integer',
      { Id: 'a', Targets: [{ Port: 80.5 }] },
      'InvalidParameter',
      'The value type of parameter `Targets.0.Port` is not valid, input type should be `integer` ',
    ],
    [
      'out of range',
      { Id: 'a', Targets: [{ Port: 80, Weight: 101 }] },
      'InvalidParameterValue',
      'The value `101` specified in the parameter `Targets.0.Weight` is not valid.',
    ],
    [
      'not a word of the list',
      { Id: 'a', Kind: 'PUBLIC' },
      'InvalidParameterValue',
      'The value `PUBLIC` specified in the parameter `Kind` is not valid.',
    ],
    [
      'a long list',
      { Id: 'a', Targets: [{ Port: 1 }, { Port: 2 }, { Port: 3 }] },
      'InvalidParameterValue.Length',
      'Length of .Targets should be less than 3',
    ],
    [
      'a long text',
      { Id: 'a', Name: '12345' },
      'InvalidParameterValue.Length',
      'Length of .Name should be less than 5',
    ],
    [
      'null in a list',
      { Id: 'a', Targets: [null] },
      'InvalidParameter',
      'The value type of parameter `Targets.0` is not valid, input type should be `object` ',
    ],
  ])('refuses what is %s', (_, value, code, message) => {
    expect(refusal(schema, value)).toEqual([code, message]);
  });

  it('takes numbers as text where that is switched on, and the range code that the action has', () => {
    const lenient = { coerceStrings: true, rangeCode: 'InvalidParameterValue.Range' };
    expect(schema.parse({ Id: 'a', Targets: [{ Port: '80' }] }, '', lenient)).toEqual({
      Id: 'a',
      Targets: [{ Port: 80 }],
    });
    expect(refusal(schema, { Id: 'a', Targets: [{ Port: '0' }] }, lenient)[0]).toBe(
      'InvalidParameterValue.Range',
    );
  });
});
