import type { CallContext, Engine } from '../engine/engine.ts';
import type { Field, Leniency } from '../schema/fields.ts';

/** The members of `Response`, beside RequestId. */
export type Answer = Readonly<Record<string, unknown>>;

/** One action of the API: its parameters are parsed at the door, then it runs. */
export interface Action {
  readonly name: string;
  /** @throws ApiError when the parameters do not fit the schema. @returns runs the action */
  prepare(
    parameters: Readonly<Record<string, unknown>>,
    leniency: Omit<Leniency, 'rangeCode'>,
  ): (engine: Engine, context: CallContext) => Promise<Answer>;
}

/**
 * @param options.rangeCode the code of a number that is out of range: InvalidParameterValue.Range where the
 *   action's documented codes have it
 */
export const action = <P>(
  name: string,
  schema: Field<P>,
  run: (parameters: P, engine: Engine, context: CallContext) => Answer | Promise<Answer>,
  options: { readonly rangeCode?: string } = {},
): Action => ({
  name,
  prepare: (parameters, leniency) => {
    const parsed = schema.parse(parameters, '', {
      ...leniency,
      rangeCode: options.rangeCode ?? 'InvalidParameterValue',
    });
    return async (engine, context) => run(parsed, engine, context);
  },
});
