/** The public surface of the simulator, for tests: `apns-streams/simulator`. */
export type {
  AcceptedNotification,
  AcceptedRecord,
  RecordDetail,
  Wire,
} from './accepted-record.js';
export type { GatewayFaults } from './binary/faults.js';
export type { GatewayService, GatewayServiceOptions } from './binary/service.js';
export type { ChannelRegistry, MessageStoragePolicy } from './channel-registry.js';
export type { DeviceRegistry, DeviceState } from './device-registry.js';
export type { FeedbackFaults, FeedbackService, FeedbackServiceOptions } from './feedback/service.js';
export type {
  GoawayDebugData,
  GoawayFault,
  GoawayLastStream,
  Http2Faults,
  Storm429Fault,
} from './http2/faults.js';
export type { ProviderKey } from './http2/provider-keys.js';
export type { Http2Service, Http2ServiceOptions } from './http2/service.js';
export {
  type ApnsEnvironment,
  type Authority,
  type AuthorityOptions,
  type CertificateAndKey,
  type ClientCertificateOptions,
  type KeyType,
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
  type ServerCertificateOptions,
  type Validity,
} from './pki/certificates.js';
export { type SimulatorCredentials, writeCredentials } from './pki/credentials.js';
export type { BodyKind } from './rejection.js';
export type { GatewaySickness, Http2Sickness, SickConnectionsFault } from './sick-connection.js';
export {
  createSimulator,
  type Simulator,
  type SimulatorOptions,
  type SimulatorTlsOptions,
} from './simulator.js';
export type { ConnectionCounts, SimulatorCounts, SimulatorService } from './simulator-counts.js';
export type { ConnectionLimits, LoopbackHost } from './tls-listener.js';
export { decodeTokenFault, encodeTokenFault, type TokenFault, type TokenFaultName } from './token-fault.js';
