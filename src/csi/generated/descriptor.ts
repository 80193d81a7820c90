// Original file: proto/csi.proto
import type { INamespace } from 'protobufjs';

export const descriptor: INamespace = JSON.parse(String.raw`{
 "nested": {
  "csi": {
   "nested": {
    "v1": {
     "nested": {
      "Identity": {
       "methods": {
        "GetPluginInfo": {
         "requestType": "GetPluginInfoRequest",
         "responseType": "GetPluginInfoResponse"
        },
        "GetPluginCapabilities": {
         "requestType": "GetPluginCapabilitiesRequest",
         "responseType": "GetPluginCapabilitiesResponse"
        },
        "Probe": {
         "requestType": "ProbeRequest",
         "responseType": "ProbeResponse"
        }
       }
      },
      "Controller": {
       "methods": {
        "CreateVolume": {
         "requestType": "CreateVolumeRequest",
         "responseType": "CreateVolumeResponse"
        },
        "DeleteVolume": {
         "requestType": "DeleteVolumeRequest",
         "responseType": "DeleteVolumeResponse"
        },
        "ControllerPublishVolume": {
         "requestType": "ControllerPublishVolumeRequest",
         "responseType": "ControllerPublishVolumeResponse"
        },
        "ControllerUnpublishVolume": {
         "requestType": "ControllerUnpublishVolumeRequest",
         "responseType": "ControllerUnpublishVolumeResponse"
        },
        "ValidateVolumeCapabilities": {
         "requestType": "ValidateVolumeCapabilitiesRequest",
         "responseType": "ValidateVolumeCapabilitiesResponse"
        },
        "ListVolumes": {
         "requestType": "ListVolumesRequest",
         "responseType": "ListVolumesResponse"
        },
        "GetCapacity": {
         "requestType": "GetCapacityRequest",
         "responseType": "GetCapacityResponse"
        },
        "ControllerGetCapabilities": {
         "requestType": "ControllerGetCapabilitiesRequest",
         "responseType": "ControllerGetCapabilitiesResponse"
        },
        "CreateSnapshot": {
         "requestType": "CreateSnapshotRequest",
         "responseType": "CreateSnapshotResponse"
        },
        "DeleteSnapshot": {
         "requestType": "DeleteSnapshotRequest",
         "responseType": "DeleteSnapshotResponse"
        },
        "ListSnapshots": {
         "requestType": "ListSnapshotsRequest",
         "responseType": "ListSnapshotsResponse"
        },
        "GetSnapshot": {
         "requestType": "GetSnapshotRequest",
         "responseType": "GetSnapshotResponse",
         "options": {
          "(alpha_method)": true
         },
         "parsedOptions": [
          {
           "(alpha_method)": true
          }
         ]
        },
        "ControllerExpandVolume": {
         "requestType": "ControllerExpandVolumeRequest",
         "responseType": "ControllerExpandVolumeResponse"
        },
        "ControllerGetVolume": {
         "requestType": "ControllerGetVolumeRequest",
         "responseType": "ControllerGetVolumeResponse",
         "options": {
          "(alpha_method)": true
         },
         "parsedOptions": [
          {
           "(alpha_method)": true
          }
         ]
        },
        "ControllerModifyVolume": {
         "requestType": "ControllerModifyVolumeRequest",
         "responseType": "ControllerModifyVolumeResponse"
        }
       }
      },
      "GroupController": {
       "methods": {
        "GroupControllerGetCapabilities": {
         "requestType": "GroupControllerGetCapabilitiesRequest",
         "responseType": "GroupControllerGetCapabilitiesResponse"
        },
        "CreateVolumeGroupSnapshot": {
         "requestType": "CreateVolumeGroupSnapshotRequest",
         "responseType": "CreateVolumeGroupSnapshotResponse"
        },
        "DeleteVolumeGroupSnapshot": {
         "requestType": "DeleteVolumeGroupSnapshotRequest",
         "responseType": "DeleteVolumeGroupSnapshotResponse"
        },
        "GetVolumeGroupSnapshot": {
         "requestType": "GetVolumeGroupSnapshotRequest",
         "responseType": "GetVolumeGroupSnapshotResponse"
        }
       }
      },
      "SnapshotMetadata": {
       "options": {
        "(alpha_service)": true
       },
       "methods": {
        "GetMetadataAllocated": {
         "requestType": "GetMetadataAllocatedRequest",
         "responseType": "GetMetadataAllocatedResponse",
         "responseStream": true
        },
        "GetMetadataDelta": {
         "requestType": "GetMetadataDeltaRequest",
         "responseType": "GetMetadataDeltaResponse",
         "responseStream": true
        }
       }
      },
      "Node": {
       "methods": {
        "NodeStageVolume": {
         "requestType": "NodeStageVolumeRequest",
         "responseType": "NodeStageVolumeResponse"
        },
        "NodeUnstageVolume": {
         "requestType": "NodeUnstageVolumeRequest",
         "responseType": "NodeUnstageVolumeResponse"
        },
        "NodePublishVolume": {
         "requestType": "NodePublishVolumeRequest",
         "responseType": "NodePublishVolumeResponse"
        },
        "NodeUnpublishVolume": {
         "requestType": "NodeUnpublishVolumeRequest",
         "responseType": "NodeUnpublishVolumeResponse"
        },
        "NodeGetVolumeStats": {
         "requestType": "NodeGetVolumeStatsRequest",
         "responseType": "NodeGetVolumeStatsResponse"
        },
        "NodeExpandVolume": {
         "requestType": "NodeExpandVolumeRequest",
         "responseType": "NodeExpandVolumeResponse"
        },
        "NodeGetCapabilities": {
         "requestType": "NodeGetCapabilitiesRequest",
         "responseType": "NodeGetCapabilitiesResponse"
        },
        "NodeGetInfo": {
         "requestType": "NodeGetInfoRequest",
         "responseType": "NodeGetInfoResponse"
        }
       }
      },
      "GetPluginInfoRequest": {
       "fields": {}
      },
      "GetPluginInfoResponse": {
       "fields": {
        "name": {
         "type": "string",
         "id": 1
        },
        "vendorVersion": {
         "type": "string",
         "id": 2
        },
        "manifest": {
         "keyType": "string",
         "type": "string",
         "id": 3
        }
       }
      },
      "GetPluginCapabilitiesRequest": {
       "fields": {}
      },
      "GetPluginCapabilitiesResponse": {
       "fields": {
        "capabilities": {
         "rule": "repeated",
         "type": "PluginCapability",
         "id": 1
        }
       }
      },
      "PluginCapability": {
       "oneofs": {
        "type": {
         "oneof": [
          "service",
          "volumeExpansion"
         ]
        }
       },
       "fields": {
        "service": {
         "type": "Service",
         "id": 1
        },
        "volumeExpansion": {
         "type": "VolumeExpansion",
         "id": 2
        }
       },
       "nested": {
        "Service": {
         "fields": {
          "type": {
           "type": "Type",
           "id": 1
          }
         },
         "nested": {
          "Type": {
           "valuesOptions": {
            "SNAPSHOT_METADATA_SERVICE": {
             "(alpha_enum_value)": true
            }
           },
           "values": {
            "UNKNOWN": 0,
            "CONTROLLER_SERVICE": 1,
            "VOLUME_ACCESSIBILITY_CONSTRAINTS": 2,
            "GROUP_CONTROLLER_SERVICE": 3,
            "SNAPSHOT_METADATA_SERVICE": 4
           }
          }
         }
        },
        "VolumeExpansion": {
         "fields": {
          "type": {
           "type": "Type",
           "id": 1
          }
         },
         "nested": {
          "Type": {
           "values": {
            "UNKNOWN": 0,
            "ONLINE": 1,
            "OFFLINE": 2
           }
          }
         }
        }
       }
      },
      "ProbeRequest": {
       "fields": {}
      },
      "ProbeResponse": {
       "fields": {
        "ready": {
         "type": ".google.protobuf.BoolValue",
         "id": 1
        }
       }
      },
      "CreateVolumeRequest": {
       "fields": {
        "name": {
         "type": "string",
         "id": 1
        },
        "capacityRange": {
         "type": "CapacityRange",
         "id": 2
        },
        "volumeCapabilities": {
         "rule": "repeated",
         "type": "VolumeCapability",
         "id": 3
        },
        "parameters": {
         "keyType": "string",
         "type": "string",
         "id": 4
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 5,
         "options": {
          "(csi_secret)": true
         }
        },
        "volumeContentSource": {
         "type": "VolumeContentSource",
         "id": 6
        },
        "accessibilityRequirements": {
         "type": "TopologyRequirement",
         "id": 7
        },
        "mutableParameters": {
         "keyType": "string",
         "type": "string",
         "id": 8
        }
       }
      },
      "VolumeContentSource": {
       "oneofs": {
        "type": {
         "oneof": [
          "snapshot",
          "volume"
         ]
        }
       },
       "fields": {
        "snapshot": {
         "type": "SnapshotSource",
         "id": 1
        },
        "volume": {
         "type": "VolumeSource",
         "id": 2
        }
       },
       "nested": {
        "SnapshotSource": {
         "fields": {
          "snapshotId": {
           "type": "string",
           "id": 1
          }
         }
        },
        "VolumeSource": {
         "fields": {
          "volumeId": {
           "type": "string",
           "id": 1
          }
         }
        }
       }
      },
      "CreateVolumeResponse": {
       "fields": {
        "volume": {
         "type": "Volume",
         "id": 1
        }
       }
      },
      "VolumeCapability": {
       "oneofs": {
        "accessType": {
         "oneof": [
          "block",
          "mount"
         ]
        }
       },
       "fields": {
        "block": {
         "type": "BlockVolume",
         "id": 1
        },
        "mount": {
         "type": "MountVolume",
         "id": 2
        },
        "accessMode": {
         "type": "AccessMode",
         "id": 3
        }
       },
       "nested": {
        "BlockVolume": {
         "fields": {}
        },
        "MountVolume": {
         "fields": {
          "fsType": {
           "type": "string",
           "id": 1
          },
          "mountFlags": {
           "rule": "repeated",
           "type": "string",
           "id": 2
          },
          "volumeMountGroup": {
           "type": "string",
           "id": 3
          }
         }
        },
        "AccessMode": {
         "fields": {
          "mode": {
           "type": "Mode",
           "id": 1
          }
         },
         "nested": {
          "Mode": {
           "valuesOptions": {
            "SINGLE_NODE_SINGLE_WRITER": {
             "(alpha_enum_value)": true
            },
            "SINGLE_NODE_MULTI_WRITER": {
             "(alpha_enum_value)": true
            }
           },
           "values": {
            "UNKNOWN": 0,
            "SINGLE_NODE_WRITER": 1,
            "SINGLE_NODE_READER_ONLY": 2,
            "MULTI_NODE_READER_ONLY": 3,
            "MULTI_NODE_SINGLE_WRITER": 4,
            "MULTI_NODE_MULTI_WRITER": 5,
            "SINGLE_NODE_SINGLE_WRITER": 6,
            "SINGLE_NODE_MULTI_WRITER": 7
           }
          }
         }
        }
       }
      },
      "CapacityRange": {
       "fields": {
        "requiredBytes": {
         "type": "int64",
         "id": 1
        },
        "limitBytes": {
         "type": "int64",
         "id": 2
        }
       }
      },
      "Volume": {
       "fields": {
        "capacityBytes": {
         "type": "int64",
         "id": 1
        },
        "volumeId": {
         "type": "string",
         "id": 2
        },
        "volumeContext": {
         "keyType": "string",
         "type": "string",
         "id": 3
        },
        "contentSource": {
         "type": "VolumeContentSource",
         "id": 4
        },
        "accessibleTopology": {
         "rule": "repeated",
         "type": "Topology",
         "id": 5
        }
       }
      },
      "TopologyRequirement": {
       "fields": {
        "requisite": {
         "rule": "repeated",
         "type": "Topology",
         "id": 1
        },
        "preferred": {
         "rule": "repeated",
         "type": "Topology",
         "id": 2
        }
       }
      },
      "Topology": {
       "fields": {
        "segments": {
         "keyType": "string",
         "type": "string",
         "id": 1
        }
       }
      },
      "DeleteVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 2,
         "options": {
          "(csi_secret)": true
         }
        }
       }
      },
      "DeleteVolumeResponse": {
       "fields": {}
      },
      "ControllerPublishVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "nodeId": {
         "type": "string",
         "id": 2
        },
        "volumeCapability": {
         "type": "VolumeCapability",
         "id": 3
        },
        "readonly": {
         "type": "bool",
         "id": 4
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 5,
         "options": {
          "(csi_secret)": true
         }
        },
        "volumeContext": {
         "keyType": "string",
         "type": "string",
         "id": 6
        }
       }
      },
      "ControllerPublishVolumeResponse": {
       "fields": {
        "publishContext": {
         "keyType": "string",
         "type": "string",
         "id": 1
        }
       }
      },
      "ControllerUnpublishVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "nodeId": {
         "type": "string",
         "id": 2
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 3,
         "options": {
          "(csi_secret)": true
         }
        }
       }
      },
      "ControllerUnpublishVolumeResponse": {
       "fields": {}
      },
      "ValidateVolumeCapabilitiesRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "volumeContext": {
         "keyType": "string",
         "type": "string",
         "id": 2
        },
        "volumeCapabilities": {
         "rule": "repeated",
         "type": "VolumeCapability",
         "id": 3
        },
        "parameters": {
         "keyType": "string",
         "type": "string",
         "id": 4
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 5,
         "options": {
          "(csi_secret)": true
         }
        },
        "mutableParameters": {
         "keyType": "string",
         "type": "string",
         "id": 6
        }
       }
      },
      "ValidateVolumeCapabilitiesResponse": {
       "fields": {
        "confirmed": {
         "type": "Confirmed",
         "id": 1
        },
        "message": {
         "type": "string",
         "id": 2
        }
       },
       "nested": {
        "Confirmed": {
         "fields": {
          "volumeContext": {
           "keyType": "string",
           "type": "string",
           "id": 1
          },
          "volumeCapabilities": {
           "rule": "repeated",
           "type": "VolumeCapability",
           "id": 2
          },
          "parameters": {
           "keyType": "string",
           "type": "string",
           "id": 3
          },
          "mutableParameters": {
           "keyType": "string",
           "type": "string",
           "id": 4
          }
         }
        }
       }
      },
      "ListVolumesRequest": {
       "fields": {
        "maxEntries": {
         "type": "int32",
         "id": 1
        },
        "startingToken": {
         "type": "string",
         "id": 2
        }
       }
      },
      "ListVolumesResponse": {
       "fields": {
        "entries": {
         "rule": "repeated",
         "type": "Entry",
         "id": 1
        },
        "nextToken": {
         "type": "string",
         "id": 2
        }
       },
       "nested": {
        "VolumeStatus": {
         "fields": {
          "publishedNodeIds": {
           "rule": "repeated",
           "type": "string",
           "id": 1
          },
          "volumeCondition": {
           "type": "VolumeCondition",
           "id": 2,
           "options": {
            "(alpha_field)": true
           }
          }
         }
        },
        "Entry": {
         "fields": {
          "volume": {
           "type": "Volume",
           "id": 1
          },
          "status": {
           "type": "VolumeStatus",
           "id": 2
          }
         }
        }
       }
      },
      "ControllerGetVolumeRequest": {
       "options": {
        "(alpha_message)": true
       },
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        }
       }
      },
      "ControllerGetVolumeResponse": {
       "options": {
        "(alpha_message)": true
       },
       "fields": {
        "volume": {
         "type": "Volume",
         "id": 1
        },
        "status": {
         "type": "VolumeStatus",
         "id": 2
        }
       },
       "nested": {
        "VolumeStatus": {
         "fields": {
          "publishedNodeIds": {
           "rule": "repeated",
           "type": "string",
           "id": 1
          },
          "volumeCondition": {
           "type": "VolumeCondition",
           "id": 2
          }
         }
        }
       }
      },
      "ControllerModifyVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 2,
         "options": {
          "(csi_secret)": true
         }
        },
        "mutableParameters": {
         "keyType": "string",
         "type": "string",
         "id": 3
        }
       }
      },
      "ControllerModifyVolumeResponse": {
       "fields": {}
      },
      "GetCapacityRequest": {
       "fields": {
        "volumeCapabilities": {
         "rule": "repeated",
         "type": "VolumeCapability",
         "id": 1
        },
        "parameters": {
         "keyType": "string",
         "type": "string",
         "id": 2
        },
        "accessibleTopology": {
         "type": "Topology",
         "id": 3
        }
       }
      },
      "GetCapacityResponse": {
       "fields": {
        "availableCapacity": {
         "type": "int64",
         "id": 1
        },
        "maximumVolumeSize": {
         "type": "google.protobuf.Int64Value",
         "id": 2
        },
        "minimumVolumeSize": {
         "type": "google.protobuf.Int64Value",
         "id": 3,
         "options": {
          "(alpha_field)": true
         }
        }
       }
      },
      "ControllerGetCapabilitiesRequest": {
       "fields": {}
      },
      "ControllerGetCapabilitiesResponse": {
       "fields": {
        "capabilities": {
         "rule": "repeated",
         "type": "ControllerServiceCapability",
         "id": 1
        }
       }
      },
      "ControllerServiceCapability": {
       "oneofs": {
        "type": {
         "oneof": [
          "rpc"
         ]
        }
       },
       "fields": {
        "rpc": {
         "type": "RPC",
         "id": 1
        }
       },
       "nested": {
        "RPC": {
         "fields": {
          "type": {
           "type": "Type",
           "id": 1
          }
         },
         "nested": {
          "Type": {
           "valuesOptions": {
            "VOLUME_CONDITION": {
             "(alpha_enum_value)": true
            },
            "GET_VOLUME": {
             "(alpha_enum_value)": true
            },
            "SINGLE_NODE_MULTI_WRITER": {
             "(alpha_enum_value)": true
            },
            "GET_SNAPSHOT": {
             "(alpha_enum_value)": true
            }
           },
           "values": {
            "UNKNOWN": 0,
            "CREATE_DELETE_VOLUME": 1,
            "PUBLISH_UNPUBLISH_VOLUME": 2,
            "LIST_VOLUMES": 3,
            "GET_CAPACITY": 4,
            "CREATE_DELETE_SNAPSHOT": 5,
            "LIST_SNAPSHOTS": 6,
            "CLONE_VOLUME": 7,
            "PUBLISH_READONLY": 8,
            "EXPAND_VOLUME": 9,
            "LIST_VOLUMES_PUBLISHED_NODES": 10,
            "VOLUME_CONDITION": 11,
            "GET_VOLUME": 12,
            "SINGLE_NODE_MULTI_WRITER": 13,
            "MODIFY_VOLUME": 14,
            "GET_SNAPSHOT": 15
           }
          }
         }
        }
       }
      },
      "CreateSnapshotRequest": {
       "fields": {
        "sourceVolumeId": {
         "type": "string",
         "id": 1
        },
        "name": {
         "type": "string",
         "id": 2
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 3,
         "options": {
          "(csi_secret)": true
         }
        },
        "parameters": {
         "keyType": "string",
         "type": "string",
         "id": 4
        }
       }
      },
      "CreateSnapshotResponse": {
       "fields": {
        "snapshot": {
         "type": "Snapshot",
         "id": 1
        }
       }
      },
      "Snapshot": {
       "fields": {
        "sizeBytes": {
         "type": "int64",
         "id": 1
        },
        "snapshotId": {
         "type": "string",
         "id": 2
        },
        "sourceVolumeId": {
         "type": "string",
         "id": 3
        },
        "creationTime": {
         "type": ".google.protobuf.Timestamp",
         "id": 4
        },
        "readyToUse": {
         "type": "bool",
         "id": 5
        },
        "groupSnapshotId": {
         "type": "string",
         "id": 6
        }
       }
      },
      "DeleteSnapshotRequest": {
       "fields": {
        "snapshotId": {
         "type": "string",
         "id": 1
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 2,
         "options": {
          "(csi_secret)": true
         }
        }
       }
      },
      "DeleteSnapshotResponse": {
       "fields": {}
      },
      "ListSnapshotsRequest": {
       "fields": {
        "maxEntries": {
         "type": "int32",
         "id": 1
        },
        "startingToken": {
         "type": "string",
         "id": 2
        },
        "sourceVolumeId": {
         "type": "string",
         "id": 3
        },
        "snapshotId": {
         "type": "string",
         "id": 4
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 5,
         "options": {
          "(csi_secret)": true
         }
        }
       }
      },
      "ListSnapshotsResponse": {
       "fields": {
        "entries": {
         "rule": "repeated",
         "type": "Entry",
         "id": 1
        },
        "nextToken": {
         "type": "string",
         "id": 2
        }
       },
       "nested": {
        "Entry": {
         "fields": {
          "snapshot": {
           "type": "Snapshot",
           "id": 1
          }
         }
        }
       }
      },
      "GetSnapshotRequest": {
       "options": {
        "(alpha_message)": true
       },
       "fields": {
        "snapshotId": {
         "type": "string",
         "id": 1
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 2,
         "options": {
          "(csi_secret)": true
         }
        }
       }
      },
      "GetSnapshotResponse": {
       "options": {
        "(alpha_message)": true
       },
       "fields": {
        "snapshot": {
         "type": "Snapshot",
         "id": 1
        }
       }
      },
      "ControllerExpandVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "capacityRange": {
         "type": "CapacityRange",
         "id": 2
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 3,
         "options": {
          "(csi_secret)": true
         }
        },
        "volumeCapability": {
         "type": "VolumeCapability",
         "id": 4
        }
       }
      },
      "ControllerExpandVolumeResponse": {
       "fields": {
        "capacityBytes": {
         "type": "int64",
         "id": 1
        },
        "nodeExpansionRequired": {
         "type": "bool",
         "id": 2
        }
       }
      },
      "NodeStageVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "publishContext": {
         "keyType": "string",
         "type": "string",
         "id": 2
        },
        "stagingTargetPath": {
         "type": "string",
         "id": 3
        },
        "volumeCapability": {
         "type": "VolumeCapability",
         "id": 4
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 5,
         "options": {
          "(csi_secret)": true
         }
        },
        "volumeContext": {
         "keyType": "string",
         "type": "string",
         "id": 6
        }
       }
      },
      "NodeStageVolumeResponse": {
       "fields": {}
      },
      "NodeUnstageVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "stagingTargetPath": {
         "type": "string",
         "id": 2
        }
       }
      },
      "NodeUnstageVolumeResponse": {
       "fields": {}
      },
      "NodePublishVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "publishContext": {
         "keyType": "string",
         "type": "string",
         "id": 2
        },
        "stagingTargetPath": {
         "type": "string",
         "id": 3
        },
        "targetPath": {
         "type": "string",
         "id": 4
        },
        "volumeCapability": {
         "type": "VolumeCapability",
         "id": 5
        },
        "readonly": {
         "type": "bool",
         "id": 6
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 7,
         "options": {
          "(csi_secret)": true
         }
        },
        "volumeContext": {
         "keyType": "string",
         "type": "string",
         "id": 8
        }
       }
      },
      "NodePublishVolumeResponse": {
       "fields": {}
      },
      "NodeUnpublishVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "targetPath": {
         "type": "string",
         "id": 2
        }
       }
      },
      "NodeUnpublishVolumeResponse": {
       "fields": {}
      },
      "NodeGetVolumeStatsRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "volumePath": {
         "type": "string",
         "id": 2
        },
        "stagingTargetPath": {
         "type": "string",
         "id": 3
        }
       }
      },
      "NodeGetVolumeStatsResponse": {
       "fields": {
        "usage": {
         "rule": "repeated",
         "type": "VolumeUsage",
         "id": 1
        },
        "volumeCondition": {
         "type": "VolumeCondition",
         "id": 2,
         "options": {
          "(alpha_field)": true
         }
        }
       }
      },
      "VolumeUsage": {
       "fields": {
        "available": {
         "type": "int64",
         "id": 1
        },
        "total": {
         "type": "int64",
         "id": 2
        },
        "used": {
         "type": "int64",
         "id": 3
        },
        "unit": {
         "type": "Unit",
         "id": 4
        }
       },
       "nested": {
        "Unit": {
         "values": {
          "UNKNOWN": 0,
          "BYTES": 1,
          "INODES": 2
         }
        }
       }
      },
      "VolumeCondition": {
       "options": {
        "(alpha_message)": true
       },
       "fields": {
        "abnormal": {
         "type": "bool",
         "id": 1
        },
        "message": {
         "type": "string",
         "id": 2
        }
       }
      },
      "NodeGetCapabilitiesRequest": {
       "fields": {}
      },
      "NodeGetCapabilitiesResponse": {
       "fields": {
        "capabilities": {
         "rule": "repeated",
         "type": "NodeServiceCapability",
         "id": 1
        }
       }
      },
      "NodeServiceCapability": {
       "oneofs": {
        "type": {
         "oneof": [
          "rpc"
         ]
        }
       },
       "fields": {
        "rpc": {
         "type": "RPC",
         "id": 1
        }
       },
       "nested": {
        "RPC": {
         "fields": {
          "type": {
           "type": "Type",
           "id": 1
          }
         },
         "nested": {
          "Type": {
           "valuesOptions": {
            "VOLUME_CONDITION": {
             "(alpha_enum_value)": true
            },
            "SINGLE_NODE_MULTI_WRITER": {
             "(alpha_enum_value)": true
            }
           },
           "values": {
            "UNKNOWN": 0,
            "STAGE_UNSTAGE_VOLUME": 1,
            "GET_VOLUME_STATS": 2,
            "EXPAND_VOLUME": 3,
            "VOLUME_CONDITION": 4,
            "SINGLE_NODE_MULTI_WRITER": 5,
            "VOLUME_MOUNT_GROUP": 6
           }
          }
         }
        }
       }
      },
      "NodeGetInfoRequest": {
       "fields": {}
      },
      "NodeGetInfoResponse": {
       "fields": {
        "nodeId": {
         "type": "string",
         "id": 1
        },
        "maxVolumesPerNode": {
         "type": "int64",
         "id": 2
        },
        "accessibleTopology": {
         "type": "Topology",
         "id": 3
        }
       }
      },
      "NodeExpandVolumeRequest": {
       "fields": {
        "volumeId": {
         "type": "string",
         "id": 1
        },
        "volumePath": {
         "type": "string",
         "id": 2
        },
        "capacityRange": {
         "type": "CapacityRange",
         "id": 3
        },
        "stagingTargetPath": {
         "type": "string",
         "id": 4
        },
        "volumeCapability": {
         "type": "VolumeCapability",
         "id": 5
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 6,
         "options": {
          "(csi_secret)": true,
          "(alpha_field)": true
         }
        }
       }
      },
      "NodeExpandVolumeResponse": {
       "fields": {
        "capacityBytes": {
         "type": "int64",
         "id": 1
        }
       }
      },
      "GroupControllerGetCapabilitiesRequest": {
       "fields": {}
      },
      "GroupControllerGetCapabilitiesResponse": {
       "fields": {
        "capabilities": {
         "rule": "repeated",
         "type": "GroupControllerServiceCapability",
         "id": 1
        }
       }
      },
      "GroupControllerServiceCapability": {
       "oneofs": {
        "type": {
         "oneof": [
          "rpc"
         ]
        }
       },
       "fields": {
        "rpc": {
         "type": "RPC",
         "id": 1
        }
       },
       "nested": {
        "RPC": {
         "fields": {
          "type": {
           "type": "Type",
           "id": 1
          }
         },
         "nested": {
          "Type": {
           "values": {
            "UNKNOWN": 0,
            "CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT": 1
           }
          }
         }
        }
       }
      },
      "CreateVolumeGroupSnapshotRequest": {
       "fields": {
        "name": {
         "type": "string",
         "id": 1
        },
        "sourceVolumeIds": {
         "rule": "repeated",
         "type": "string",
         "id": 2
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 3,
         "options": {
          "(csi_secret)": true
         }
        },
        "parameters": {
         "keyType": "string",
         "type": "string",
         "id": 4
        }
       }
      },
      "CreateVolumeGroupSnapshotResponse": {
       "fields": {
        "groupSnapshot": {
         "type": "VolumeGroupSnapshot",
         "id": 1
        }
       }
      },
      "VolumeGroupSnapshot": {
       "fields": {
        "groupSnapshotId": {
         "type": "string",
         "id": 1
        },
        "snapshots": {
         "rule": "repeated",
         "type": "Snapshot",
         "id": 2
        },
        "creationTime": {
         "type": ".google.protobuf.Timestamp",
         "id": 3
        },
        "readyToUse": {
         "type": "bool",
         "id": 4
        }
       }
      },
      "DeleteVolumeGroupSnapshotRequest": {
       "fields": {
        "groupSnapshotId": {
         "type": "string",
         "id": 1
        },
        "snapshotIds": {
         "rule": "repeated",
         "type": "string",
         "id": 2
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 3,
         "options": {
          "(csi_secret)": true
         }
        }
       }
      },
      "DeleteVolumeGroupSnapshotResponse": {
       "fields": {}
      },
      "GetVolumeGroupSnapshotRequest": {
       "fields": {
        "groupSnapshotId": {
         "type": "string",
         "id": 1
        },
        "snapshotIds": {
         "rule": "repeated",
         "type": "string",
         "id": 2
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 3,
         "options": {
          "(csi_secret)": true
         }
        }
       }
      },
      "GetVolumeGroupSnapshotResponse": {
       "fields": {
        "groupSnapshot": {
         "type": "VolumeGroupSnapshot",
         "id": 1
        }
       }
      },
      "BlockMetadata": {
       "fields": {
        "byteOffset": {
         "type": "int64",
         "id": 1
        },
        "sizeBytes": {
         "type": "int64",
         "id": 2
        }
       }
      },
      "BlockMetadataType": {
       "values": {
        "UNKNOWN": 0,
        "FIXED_LENGTH": 1,
        "VARIABLE_LENGTH": 2
       }
      },
      "GetMetadataAllocatedRequest": {
       "fields": {
        "snapshotId": {
         "type": "string",
         "id": 1
        },
        "startingOffset": {
         "type": "int64",
         "id": 2
        },
        "maxResults": {
         "type": "int32",
         "id": 3
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 4,
         "options": {
          "(csi_secret)": true
         }
        }
       }
      },
      "GetMetadataAllocatedResponse": {
       "fields": {
        "blockMetadataType": {
         "type": "BlockMetadataType",
         "id": 1
        },
        "volumeCapacityBytes": {
         "type": "int64",
         "id": 2
        },
        "blockMetadata": {
         "rule": "repeated",
         "type": "BlockMetadata",
         "id": 3
        }
       }
      },
      "GetMetadataDeltaRequest": {
       "fields": {
        "baseSnapshotId": {
         "type": "string",
         "id": 1
        },
        "targetSnapshotId": {
         "type": "string",
         "id": 2
        },
        "startingOffset": {
         "type": "int64",
         "id": 3
        },
        "maxResults": {
         "type": "int32",
         "id": 4
        },
        "secrets": {
         "keyType": "string",
         "type": "string",
         "id": 5,
         "options": {
          "(csi_secret)": true
         }
        }
       }
      },
      "GetMetadataDeltaResponse": {
       "fields": {
        "blockMetadataType": {
         "type": "BlockMetadataType",
         "id": 1
        },
        "volumeCapacityBytes": {
         "type": "int64",
         "id": 2
        },
        "blockMetadata": {
         "rule": "repeated",
         "type": "BlockMetadata",
         "id": 3
        }
       }
      }
     }
    }
   }
  },
  "google": {
   "nested": {
    "protobuf": {
     "nested": {
      "Timestamp": {
       "fields": {
        "seconds": {
         "type": "int64",
         "id": 1
        },
        "nanos": {
         "type": "int32",
         "id": 2
        }
       }
      },
      "BoolValue": {
       "fields": {
        "value": {
         "type": "bool",
         "id": 1
        }
       }
      },
      "Int64Value": {
       "fields": {
        "value": {
         "type": "int64",
         "id": 1
        }
       }
      }
     }
    }
   }
  }
 }
}`);
