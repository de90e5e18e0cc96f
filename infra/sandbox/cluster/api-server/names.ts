/**
 * The name rules of k8s.io/apimachinery `util/validation`, with its messages. Each answers the faults of a value, none
 * when it is right.
 */

const regexText = (message: string, pattern: string, ...examples: string[]): string => {
  const shown = examples
    .map((example) => `'${example}'`)
    .join(', ')
    .replace(/, ([^,]*)$/, ',  or $1');
  return `${message} (e.g. ${shown}, regex used for validation is '${pattern}')`;
};

const maxLength = (value: string, max: number): string[] =>
  value.length > max ? [`must be no more than ${max} bytes`] : [];

const label1123 = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const subdomain1123 = `${label1123}(\\.${label1123})*`;
const qualifiedPart = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const matches = (pattern: string, value: string): boolean => new RegExp(`^(?:${pattern})$`).test(value);

export type NameRule = (value: string) => string[];

export const dns1123Label: NameRule = (value) => [
  ...maxLength(value, 63),
  ...(matches(label1123, value)
    ? []
    : matches(subdomain1123, value)
      ? ['must not contain dots']
      : [
          regexText(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            label1123,
            'my-name',
            '123-abc',
          ),
        ]),
];

export const dns1123Subdomain: NameRule = (value) => [
  ...maxLength(value, 253),
  ...(matches(subdomain1123, value)
    ? []
    : [
        `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${subdomain1123}')`,
      ]),
];

export const dns1035Label: NameRule = (value) => [
  ...maxLength(value, 63),
  ...(matches(label1035, value)
    ? []
    : [
        regexText(
          "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
          label1035,
          'my-name',
          'abc-123',
        ),
      ]),
];

const qualifiedMessage =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
  `(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${qualifiedPart}')`;

/** A label key, annotation key or condition type: `[prefix/]name`. */
export const qualifiedName: NameRule = (value) => {
  const parts = value.split('/');
  const [first = '', second] = parts;
  if (parts.length > 2) {
    return [
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
        `(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${qualifiedPart}') ` +
        "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ];
  }
  const prefix = second === undefined ? undefined : first;
  const name = second ?? first;
  const faults: string[] = [];
  if (prefix !== undefined) {
    if (prefix === '') faults.push('prefix part must be non-empty');
    else faults.push(...dns1123Subdomain(prefix).map((fault) => `prefix part ${fault}`));
  }
  if (name === '') faults.push('name part must be non-empty');
  else if (name.length > 63) faults.push('name part must be no more than 63 bytes');
  if (!matches(qualifiedPart, name)) faults.push(qualifiedMessage);
  return faults;
};

export const labelValue: NameRule = (value) => [
  ...maxLength(value, 63),
  ...(matches(`(${qualifiedPart})?`, value)
    ? []
    : [
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
          `(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${qualifiedPart})?')`,
      ]),
];

/** A name that may be one segment of a path (RBAC objects). */
export const pathSegment: NameRule = (value) => {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
};

const portName = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';

/** A port's name where it is a service name (RFC 6335). */
export const ianaServiceName: NameRule = (value) => [
  ...(value.length > 15 ? ['must be no more than 15 characters'] : []),
  ...(matches(portName, value)
    ? []
    : ['must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)']),
  ...(/[a-z]/.test(value) ? [] : ['must contain at least one letter (a-z)']),
  ...(value.includes('--') ? ['must not contain consecutive hyphens'] : []),
];

export const isPortNumber = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535;

export const portRange = 'must be between 1 and 65535, inclusive';
