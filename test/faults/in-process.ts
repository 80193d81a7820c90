import type { CsiClient, UnaryMethod } from '../../src/csi/client.ts';
import { createHandlers } from '../../src/csi/driver.ts';
import type { CallContext, Handlers } from '../../src/csi/handlers.ts';
import { type Method, services } from '../../src/csi/services.ts';
import { createLog } from '../../src/telemetry/log.ts';
import type { VolumeService } from '../../src/volumes/service.ts';
import type { ShareCalls } from './share.ts';

/** What the scenarios call: a client of a socket, or the handlers of this process. */
export interface Csi extends Pick<CsiClient, 'call'> {
  /** Of a driver that serves shares. */
  readonly share?: ShareCalls;
}

type Answer = (request: Buffer) => Promise<Buffer>;

const CALL_TIMEOUT_MS = 60_000;

/** CSI without a socket: requests and responses pass through their wire form, so handlers see what a client would send. */
export function csiInProcess(service: VolumeService): Csi {
  const { controller, groupController, node } = createHandlers({ name: 'faults.stowage.test', version: '0' }, service);
  const { ControllerExpandVolume: expand, ControllerModifyVolume: modify } = controller;
  const to = services.controller;
  const answers = new Map<string, Answer>([
    entry(to.CreateVolume, controller.CreateVolume),
    entry(to.DeleteVolume, controller.DeleteVolume),
    entry(to.ControllerPublishVolume, controller.ControllerPublishVolume),
    entry(to.ControllerUnpublishVolume, controller.ControllerUnpublishVolume),
    entry(to.ControllerGetVolume, controller.ControllerGetVolume),
    entry(to.ListVolumes, controller.ListVolumes),
    entry(to.ListSnapshots, controller.ListSnapshots),
    entry(to.CreateSnapshot, controller.CreateSnapshot),
    entry(to.DeleteSnapshot, controller.DeleteSnapshot),
    // What no pool of the config can do is not served.
    ...(expand === undefined ? [] : [entry(to.ControllerExpandVolume, expand)]),
    ...(modify === undefined ? [] : [entry(to.ControllerModifyVolume, modify)]),
    ...(groupController === undefined ? [] : groupEntries(groupController)),
    entry(services.node.NodeStageVolume, node.NodeStageVolume),
    entry(services.node.NodeUnstageVolume, node.NodeUnstageVolume),
    entry(services.node.NodePublishVolume, node.NodePublishVolume),
    entry(services.node.NodeUnpublishVolume, node.NodeUnpublishVolume),
    entry(services.node.NodeExpandVolume, node.NodeExpandVolume),
  ]);
  return {
    async call<Request, Response>(method: UnaryMethod<Request, Response>, request: Request): Promise<Response> {
      const answer = answers.get(method.path);
      if (answer === undefined) throw new Error(`no scenario was expected to call ${method.path}`);
      return method.responseDeserialize(await answer(method.requestSerialize(request)));
    },
  };
}

function groupEntries(groups: NonNullable<Handlers['groupController']>): [string, Answer][] {
  const to = services.groupController;
  return [
    entry(to.CreateVolumeGroupSnapshot, groups.CreateVolumeGroupSnapshot),
    entry(to.DeleteVolumeGroupSnapshot, groups.DeleteVolumeGroupSnapshot),
  ];
}

function entry<RequestSent, Request, Response, ResponseReceived>(
  method: Method<RequestSent, Request, Response, ResponseReceived>,
  handler: (request: Request, context: CallContext) => Promise<Response>,
): [string, Answer] {
  const log = createLog('silent');
  return [
    method.path,
    async (bytes) => {
      const context = { signal: AbortSignal.timeout(CALL_TIMEOUT_MS), requestId: 'test', log };
      return method.responseSerialize(await handler(method.requestDeserialize(bytes), context));
    },
  ];
}
