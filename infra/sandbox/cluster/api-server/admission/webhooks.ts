import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Admission, AdmissionRequest } from '../context.ts';
import {
  cloneJson,
  type Json,
  type JsonObject,
  numberOf,
  objectOf,
  objectsOf,
  textOf,
  textsOf,
} from '../json.ts';
import { type KubeObject, parseKubeObject } from '../kube-object.ts';
import { jsonPatch } from '../patch/json-patch.ts';
import { badRequest, internalError, StatusError } from '../status-error.ts';
import type { ObjectStore } from '../store/store.ts';
import { callWebhook, type ResolveService } from './call.ts';
import { webhookMatches } from './match.ts';

const reviewOf = (request: AdmissionRequest, uid: string): JsonObject => {
  const { target, user, object, oldObject } = request;
  const { definition } = target;
  const version = definition.versions[0].version;
  const kind = { group: definition.group, version, kind: definition.kind };
  const resource = { group: definition.group, version, resource: definition.resource };
  const body: JsonObject = {
    uid,
    kind,
    resource,
    requestKind: kind,
    requestResource: resource,
    name: object.metadata.name,
    operation: request.operation,
    userInfo: { username: user.name, groups: [...user.groups] },
    object,
    oldObject: oldObject ?? null,
    dryRun: request.dryRun,
    options: {
      kind: `${request.operation === 'CREATE' ? 'Create' : 'Update'}Options`,
      apiVersion: 'meta.k8s.io/v1',
    },
  };
  if (target.namespace !== '') body.namespace = target.namespace;
  if (request.subresource !== '') body.subResource = request.subresource;
  return { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request: body };
};

const denied = (name: string, status: JsonObject): StatusError => {
  const because = textOf(status.message) || textOf(status.reason);
  const by = `admission webhook "${name}" denied the request`;
  const code = numberOf(status.code) ?? 400;
  return new StatusError(
    Math.max(code, 400),
    textOf(status.reason),
    because === '' ? `${by} without explanation` : `${by}: ${because}`,
  );
};

const applyPatch = (object: KubeObject, name: string, response: JsonObject): KubeObject => {
  const encoded = textOf(response.patch);
  if (encoded === '') return object;
  if (response.patchType !== 'JSONPatch') {
    throw internalError(
      `failed calling webhook "${name}": webhook returned invalid response.patchType of ""`,
    );
  }
  try {
    const patch: Json = JSON.parse(Buffer.from(encoded, 'base64').toString());
    return parseKubeObject(jsonPatch(object, patch), object);
  } catch (error) {
    throw internalError(error instanceof Error ? error.message : String(error));
  }
};

/**
 * Asks the mutating webhooks in their order, and once more those that wish it (`reinvocationPolicy: IfNeeded`) and that
 * a later one changed the object after.
 *
 * @param ask what a webhook makes of an object; undefined: it does not want to see it
 */
const mutate = async (
  webhooks: readonly JsonObject[],
  given: KubeObject,
  ask: (webhook: JsonObject, object: KubeObject) => Promise<KubeObject | undefined>,
): Promise<KubeObject> => {
  let object = given;
  let before: JsonObject[] = [];
  const again = new Set<JsonObject>();
  for (const webhook of webhooks) {
    const made = await ask(webhook, object);
    if (made === undefined) continue;
    if (!isDeepStrictEqual(made, object)) {
      for (const earlier of before) again.add(earlier);
      before = [];
    }
    object = made;
    if (webhook.reinvocationPolicy === 'IfNeeded') before.push(webhook);
  }
  for (const webhook of again) object = (await ask(webhook, object)) ?? object;
  return object;
};

/** The webhooks that the cluster's configurations name, called as Kubernetes calls them. */
export class Webhooks implements Admission {
  readonly #store: ObjectStore;
  readonly #resolve: ResolveService;

  constructor(store: ObjectStore, resolve: ResolveService) {
    this.#store = store;
    this.#resolve = resolve;
  }

  async admit(request: AdmissionRequest): Promise<{ object: KubeObject; warnings: readonly string[] }> {
    const warnings: string[] = [];
    const ask = async (webhook: JsonObject, object: KubeObject): Promise<KubeObject | undefined> => {
      const current: AdmissionRequest = { ...request, object };
      if (!webhookMatches(webhook, current, this.#store)) return undefined;
      const response = await this.#call(webhook, current);
      if (response === undefined) return object;
      warnings.push(...textsOf(response.warnings));
      return applyPatch(object, textOf(webhook.name), response);
    };
    const object = await mutate(this.#webhooks(true), request.object, ask);
    for (const webhook of this.#webhooks(false)) await ask(webhook, object);
    return { object, warnings };
  }

  /** In the order of the configurations' names, then in that of the webhooks. */
  #webhooks(mutating: boolean): JsonObject[] {
    const resource = `${mutating ? 'mutating' : 'validating'}webhookconfigurations`;
    const configurations = this.#store.collection(`${resource}.admissionregistration.k8s.io`).list();
    return configurations.flatMap(({ object }) => objectsOf(object.webhooks));
  }

  /** @returns undefined where the webhook failed and may be passed over */
  async #call(webhook: JsonObject, request: AdmissionRequest): Promise<JsonObject | undefined> {
    // A webhook configuration that is broken must still be open to repair.
    if (request.target.definition.group === 'admissionregistration.k8s.io') return undefined;
    const name = textOf(webhook.name);
    if (request.dryRun && !['None', 'NoneOnDryRun'].includes(textOf(webhook.sideEffects))) {
      throw badRequest(`admission webhook "${name}" does not support dry run`);
    }
    const uid = randomUUID();
    let response: JsonObject;
    try {
      response = await callWebhook(
        webhook,
        reviewOf({ ...request, object: cloneJson<KubeObject>(request.object) }, uid),
        this.#resolve,
      );
      if (response.uid !== uid)
        throw new Error(`expected response.uid="${uid}", got "${textOf(response.uid)}"`);
    } catch (error) {
      if (webhook.failurePolicy === 'Ignore') return undefined;
      throw internalError(
        `failed calling webhook "${name}": ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    if (response.allowed !== true) throw denied(name, objectOf(response.status));
    return response;
  }
}
