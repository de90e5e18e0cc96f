import { describe, expect, it } from 'vitest';
import { whole } from './scenario.ts';
import { inStrict, type Step } from './step.ts';

const step: Step = {
  name: 'a call',
  action: 'DescribeNothing',
  parameters: { Id: 1 },
  answer: { Id: 1 },
  capture: { id: 'Id' },
  task: true,
};

describe('a step where everything unverified is answered the hard way', () => {
  it('expects nothing of what it usually does, and asks for the same', () => {
    const [hard] = inStrict([{ ...step, strict: { error: { code: 'FailedOperation' } } }]);
    expect(hard).toEqual({
      name: 'a call',
      action: 'DescribeNothing',
      parameters: { Id: 1 },
      error: { code: 'FailedOperation' },
    });
  });

  it('asks for something else where it says so, and is repeated as ever', () => {
    const [hard] = inStrict([{ ...step, repeat: 3, strict: { parameters: { Id: 2 }, answer: { Id: 2 } } }]);
    expect(hard).toMatchObject({ parameters: { Id: 2 }, answer: { Id: 2 }, repeat: 3 });
    expect(hard).not.toHaveProperty('task');
  });

  it('is as usual where it says nothing', () => {
    expect(inStrict([step])).toEqual([step]);
  });

  it.each(whole.filter(({ strict }) => strict !== undefined))('$name: is another one', (usual) => {
    const { strict, ...rest } = usual;
    expect(inStrict([usual])).not.toEqual([rest]);
  });
});
