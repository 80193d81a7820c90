import type { MethodDefinition as GeneratedMethod } from '@grpc/proto-loader';
import protobuf from 'protobufjs/light.js';
import type { ControllerDefinition } from './generated/csi/v1/Controller.ts';
import type { GroupControllerDefinition } from './generated/csi/v1/GroupController.ts';
import type { IdentityDefinition } from './generated/csi/v1/Identity.ts';
import type { NodeDefinition } from './generated/csi/v1/Node.ts';
import { descriptor } from './generated/descriptor.ts';

/** One unary RPC as grpc-js's server and client take it. `Sent` types may leave fields out, `Received` ones have all. */
export interface Method<RequestSent, RequestReceived, ResponseSent, ResponseReceived> {
  readonly path: string; // /csi.v1.Controller/CreateVolume
  readonly requestStream: false;
  readonly responseStream: false;
  readonly requestSerialize: (request: RequestSent) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => RequestReceived;
  readonly responseSerialize: (response: ResponseSent) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => ResponseReceived;
}

type Methods<Definition> = {
  readonly [Name in keyof Definition as string extends Name ? never : Name]: Definition[Name] extends GeneratedMethod<
    infer RequestSent,
    infer ResponseSent,
    infer RequestReceived,
    infer ResponseReceived
  >
    ? Method<RequestSent, RequestReceived, ResponseSent, ResponseReceived>
    : never;
};

export interface Services {
  readonly identity: Methods<IdentityDefinition>;
  readonly controller: Methods<ControllerDefinition>;
  readonly groupController: Methods<GroupControllerDefinition>;
  readonly node: Methods<NodeDefinition>;
}

export type ServiceName = keyof Services;

/** As the types were generated (scripts/generate.mjs): camel case, int64 and enums as strings, all fields present. */
const CONVERSION: protobuf.IConversionOptions = { longs: String, enums: String, defaults: true, oneofs: true };

const root = protobuf.Root.fromJSON(descriptor).resolveAll();

function serializer(type: protobuf.Type) {
  return (value: object) => Buffer.from(type.encode(type.fromObject(value)).finish());
}

function deserializer(type: protobuf.Type) {
  return (bytes: Buffer) => type.toObject(type.decode(bytes), CONVERSION);
}

function methodsOf(name: string) {
  const { methods } = root.lookupService(`csi.v1.${name}`);
  return Object.fromEntries(
    Object.keys(methods).map((method) => {
      const request = root.lookupType(`csi.v1.${methods[method]?.requestType}`);
      const response = root.lookupType(`csi.v1.${methods[method]?.responseType}`);
      return [
        method,
        {
          path: `/csi.v1.${name}/${method}`,
          requestStream: false,
          responseStream: false,
          requestSerialize: serializer(request),
          requestDeserialize: deserializer(request),
          responseSerialize: serializer(response),
          responseDeserialize: deserializer(response),
        },
      ];
    }),
  );
}

/**
 * The RPCs of CSI 1.12 by service and name, for server and clients. SnapshotMetadata is not among them.
 * The one place where reflection meets the generated types: both come from the same proto, which a test checks.
 */
export const services = {
  identity: methodsOf('Identity'),
  controller: methodsOf('Controller'),
  groupController: methodsOf('GroupController'),
  node: methodsOf('Node'),
} as unknown as Services;
