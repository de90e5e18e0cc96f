import type { Fault, FaultEffect } from './faults.ts';

type Kind = FaultEffect['kind'];

/** A fault as a person writes it, or why it is none. */
export type ParsedFault = { readonly fault: Fault } | { readonly problem: string };

interface Parts {
  readonly value: string | undefined;
  readonly message: string | undefined;
  readonly parameters: Readonly<Record<string, unknown>> | undefined;
  readonly afterEffect: boolean;
}

interface Form {
  readonly form: string;
  readonly means: string;
  /** Undefined: the value is not of the form. */
  effect(parts: Parts): FaultEffect | undefined;
}

const whole = (text: string | undefined, pattern = /^\d+$/): number | undefined =>
  text !== undefined && pattern.test(text) ? Number(text) : undefined;

const codePattern = /^[A-Za-z]+(\.[A-Za-z]+)?$/;
const isCode = (text: string | undefined): text is string => text !== undefined && codePattern.test(text);

const bare = <K extends Kind>(kind: K, means: string, effect: FaultEffect): Form & { readonly kind: K } => ({
  kind,
  form: kind,
  means,
  effect: ({ value }) => (value === undefined ? effect : undefined),
});

const withMs = (kind: 'latency' | 'lock-tail' | 'clock-skew', means: string, pattern?: RegExp): Form => ({
  form: `${kind}=MS`,
  means,
  effect: ({ value }) => {
    const ms = whole(value, pattern);
    return ms === undefined ? undefined : { kind, ms };
  },
});

const said = (message: string | undefined): { readonly message?: string } =>
  message === undefined ? {} : { message };

const forms: { readonly [K in Kind]: Form } = {
  latency: withMs('latency', 'the call takes so much longer'),
  'drop-before-effect': bare('drop-before-effect', 'the connection ends, nothing was done', {
    kind: 'drop-before-effect',
  }),
  'drop-after-effect': bare('drop-after-effect', 'the connection ends, the call was done', {
    kind: 'drop-after-effect',
  }),
  'http-status': {
    form: 'http-status=STATUS[,after-effect]',
    means: 'an answer of the infrastructure, 500 to 599',
    effect: ({ value, afterEffect }) => {
      const status = whole(value, /^5\d\d$/);
      return status === undefined ? undefined : { kind: 'http-status', status, afterEffect };
    },
  },
  'truncated-json': bare('truncated-json', 'half an answer; the call was done', { kind: 'truncated-json' }),
  error: {
    form: 'error=CODE[,message=TEXT]',
    means: 'this refusal, nothing was done',
    effect: ({ value, message }) =>
      isCode(value) ? { kind: 'error', code: value, ...said(message) } : undefined,
  },
  throttle: {
    form: 'throttle[=CODE]',
    means: 'too many calls in this second; with share and for: a storm',
    effect: ({ value }) => {
      if (value === undefined) return { kind: 'throttle' };
      return isCode(value) ? { kind: 'throttle', code: value } : undefined;
    },
  },
  'task-fails': {
    form: 'task-fails[,message=TEXT]',
    means: 'the task ends with Status 1, nothing was done',
    effect: ({ value, message }) =>
      value === undefined ? { kind: 'task-fails', ...said(message) } : undefined,
  },
  'fail-listeners': {
    form: 'fail-listeners[=first | all | ID+ID][,message=TEXT]',
    means: 'FailListenerIdSet of a batch; nothing was done for them. `message=` alone: without a Message',
    effect: ({ value = 'first', message }) => ({
      kind: 'fail-listeners',
      listenerIds: value === 'first' || value === 'all' ? value : value.split('+'),
      ...said(message),
    }),
  },
  'no-effect': bare('no-effect', 'success is answered, nothing was done', { kind: 'no-effect' }),
  'lock-tail': withMs('lock-tail', 'the lock outlives the write by so much more'),
  'clock-skew': withMs('clock-skew', "the server's clock is so far ahead (below 0: behind)", /^-?\d+$/),
  'deleted-by-hand': bare('deleted-by-hand', 'somebody deletes the load balancer just before the call', {
    kind: 'deleted-by-hand',
  }),
  'changed-by-hand': {
    form: 'changed-by-hand=ACTION[,with=JSON]',
    means: 'somebody does this to it just before the call: an action of the API, Isolate or Restore',
    effect: ({ value, parameters }) =>
      value !== undefined && /^[A-Za-z]+$/.test(value)
        ? {
            kind: 'changed-by-hand',
            action: value,
            ...(parameters === undefined ? {} : { parameters }),
          }
        : undefined,
  },
};

const isKind = (name: string): name is Kind => Object.hasOwn(forms, name);

/** Every form of a fault, one a line, and what may stand behind each of them. */
export const faultForms = (): readonly string[] => [
  ...Object.values(forms).flatMap(({ form, means }) => [form, `    ${means}`]),
  'each with any of ,action=NAME+NAME ,lb=ID ,times=N ,share=0.N ,for=SECONDS; message and with come last',
];

const objectOf = (json: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
};

/** `http-status=502,after-effect,action=BatchRegisterTargets,times=2` as a fault. */
export const parseFault = (text: string): ParsedFault => {
  // A message and parameters may have commas in them, so they take all that follows.
  const [, head = '', last = '', rest = ''] = /^(.*?)(?:,(message|with)=(.*))?$/s.exec(text) ?? [];
  const [first = '', ...options] = head.split(',');
  const [, kind = first, value] = /^([^=]*)=(.*)$/s.exec(first) ?? [];
  if (!isKind(kind))
    return {
      problem: `There is no fault ${JSON.stringify(kind)}. The forms are:\n${faultForms().join('\n')}`,
    };
  const { form, effect: effectOf } = forms[kind];
  const refused = (what: string): ParsedFault => ({
    problem: `${what}; the form is ${form}, and ${faultForms().at(-1)}.`,
  });

  const parameters = last === 'with' ? objectOf(rest) : undefined;
  if (last === 'with' && (parameters === undefined || kind !== 'changed-by-hand')) {
    return refused('`with` takes a JSON object, of changed-by-hand');
  }
  const message = last === 'message' ? rest : undefined;
  if (message !== undefined && !form.includes('message')) return refused(`${kind} has no message`);
  const afterEffect = options.includes('after-effect');
  if (afterEffect && kind !== 'http-status') return refused(`${kind} does not take after-effect`);
  const effect = effectOf({ value, message, parameters, afterEffect });
  if (effect === undefined) return refused(`${JSON.stringify(first)} does not fit`);

  const struck: { -readonly [K in keyof Fault]: Fault[K] } = { effect };
  for (const option of options) {
    if (option === 'after-effect') continue;
    const [, name = '', given = ''] = /^([^=]*)=(.+)$/s.exec(option) ?? [];
    const positive = whole(given, /^[1-9]\d*$/);
    const share = whole(given, /^0?\.\d+$|^1$/);
    if (name === 'action') struck.action = given.split('+');
    else if (name === 'lb') struck.when = ({ loadBalancerId }) => loadBalancerId === given;
    else if (name === 'times' && positive !== undefined) struck.times = positive;
    else if (name === 'for' && positive !== undefined) struck.forMs = positive * 1000;
    else if (name === 'share' && share !== undefined && share > 0) struck.share = share;
    else return refused(`${JSON.stringify(option)} does not fit`);
  }
  return { fault: struck };
};
