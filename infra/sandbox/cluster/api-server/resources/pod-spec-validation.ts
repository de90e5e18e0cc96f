import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalid,
  notSupported,
  required,
} from '../field-errors.ts';
import { isObject, type JsonObject, numberOf, objectOf, objectsOf, textOf, textsOf } from '../json.ts';
import { dns1123Label, ianaServiceName, isPortNumber, portRange, qualifiedName } from '../names.ts';

const handlers = ['exec', 'httpGet', 'tcpSocket', 'sleep', 'grpc'];

const sleepErrors = (sleep: JsonObject, field: string, graceSeconds: number | undefined): FieldError[] => {
  const seconds = numberOf(sleep.seconds) ?? 0;
  if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) return [];
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
  return [invalid(field, seconds, detail)];
};

const oneHandlerErrors = (
  handler: JsonObject,
  field: string,
  graceSeconds: number | undefined,
): FieldError[] => {
  const kind = field.split('.').at(-1);
  if (kind === 'exec') return textsOf(handler.command).length === 0 ? [required(`${field}.command`)] : [];
  if (kind === 'sleep') return sleepErrors(handler, field, graceSeconds);
  const { port } = handler;
  const isWrong = port === undefined || (typeof port === 'number' && !isPortNumber(port));
  return isWrong ? [invalid(`${field}.port`, port ?? 0, portRange)] : [];
};

/** Exactly one handler, and that one right. */
const handlerErrors = (of: JsonObject, field: string, graceSeconds: number | undefined): FieldError[] => {
  const given = handlers.filter((name) => of[name] !== undefined);
  if (given.length === 0) return [required(field, 'must specify a handler type')];
  return given.flatMap((name, index) =>
    index > 0
      ? [forbiddenField(`${field}.${name}`, 'may not specify more than 1 handler type')]
      : oneHandlerErrors(objectOf(of[name]), `${field}.${name}`, graceSeconds),
  );
};

const containerPortErrors = (container: JsonObject, field: string): FieldError[] => {
  const names = new Set<string>();
  return objectsOf(container.ports).flatMap((port, index) => {
    const at = `${field}.ports[${index}]`;
    const errors: FieldError[] = [];
    const name = textOf(port.name);
    if (name !== '') {
      errors.push(...ianaServiceName(name).map((fault) => invalid(`${at}.name`, name, fault)));
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    const { containerPort = 0 } = port;
    if (containerPort === 0) errors.push(required(`${at}.containerPort`));
    else if (!isPortNumber(containerPort)) {
      errors.push(invalid(`${at}.containerPort`, containerPort, portRange));
    }
    if (!['SCTP', 'TCP', 'UDP'].includes(textOf(port.protocol))) {
      errors.push(notSupported(`${at}.protocol`, port.protocol ?? '', ['SCTP', 'TCP', 'UDP']));
    }
    return errors;
  });
};

const probeErrors = (probe: JsonObject, field: string): FieldError[] => [
  ...handlerErrors(probe, field, undefined),
  ...['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold']
    .filter((name) => (numberOf(probe[name]) ?? 0) < 0)
    .map((name) => invalid(`${field}.${name}`, probe[name] ?? 0, 'must be greater than or equal to 0')),
];

const containerErrors = (
  container: JsonObject,
  field: string,
  names: Set<string>,
  graceSeconds: number | undefined,
): FieldError[] => {
  const errors: FieldError[] = [];
  const name = textOf(container.name);
  if (name === '') errors.push(required(`${field}.name`));
  else errors.push(...dns1123Label(name).map((fault) => invalid(`${field}.name`, name, fault)));
  if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
  names.add(name);
  const image = textOf(container.image);
  if (image === '') errors.push(required(`${field}.image`));
  else if (image !== image.trim()) {
    errors.push(invalid(`${field}.image`, image, 'must not have leading or trailing whitespace'));
  }
  errors.push(...containerPortErrors(container, field));
  const lifecycle = container.lifecycle;
  if (isObject(lifecycle)) {
    const { preStop, postStart } = lifecycle;
    if (isObject(postStart))
      errors.push(...handlerErrors(postStart, `${field}.lifecycle.postStart`, graceSeconds));
    if (isObject(preStop)) errors.push(...handlerErrors(preStop, `${field}.lifecycle.preStop`, graceSeconds));
  }
  for (const probeName of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[probeName];
    if (isObject(probe)) errors.push(...probeErrors(probe, `${field}.${probeName}`));
  }
  return errors;
};

/** The faults of a Pod's spec, in a Pod (`field` is `spec`) or in a template. */
export const podSpecErrors = (spec: JsonObject, field: string): FieldError[] => {
  const errors: FieldError[] = [];
  const graceSeconds = numberOf(spec.terminationGracePeriodSeconds);
  const containers = objectsOf(spec.containers);
  if (containers.length === 0) errors.push(required(`${field}.containers`));
  const names = new Set<string>();
  for (const list of ['containers', 'initContainers']) {
    for (const [index, container] of objectsOf(spec[list]).entries()) {
      errors.push(...containerErrors(container, `${field}.${list}[${index}]`, names, graceSeconds));
    }
  }
  const policies = ['Always', 'OnFailure', 'Never'];
  if (!policies.includes(textOf(spec.restartPolicy))) {
    errors.push(notSupported(`${field}.restartPolicy`, spec.restartPolicy ?? '', policies));
  }
  const dns = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
  if (!dns.includes(textOf(spec.dnsPolicy))) {
    errors.push(notSupported(`${field}.dnsPolicy`, spec.dnsPolicy ?? '', dns));
  }
  for (const [index, gate] of objectsOf(spec.readinessGates).entries()) {
    const type = textOf(gate.conditionType);
    errors.push(
      ...qualifiedName(type).map((fault) =>
        invalid(`${field}.readinessGates[${index}].conditionType`, type, fault),
      ),
    );
  }
  return errors;
};
