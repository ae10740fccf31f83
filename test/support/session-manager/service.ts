import { createHash, randomUUID } from "node:crypto";
import http from "node:http";
import net from "node:net";
import { type RawData, type WebSocket, WebSocketServer } from "ws";

/**
 * Session Manager as its command line and its plug-in see it: `ssm:StartSession`, and the data channel of a session for ssh. It plays the
 * service and the agent on the machines in one. Its argument: the port on loopback, and the machines' addresses by instance id, as JSON.
 *
 * The messages are those of the plug-in's src/message: a header of 120 bytes, the payload, and an acknowledgement of each.
 */
interface Settings {
  readonly port: number;
  readonly machines: Readonly<Record<string, string>>;
}

interface Message {
  readonly type: string;
  readonly sequence: bigint;
  readonly id: string;
  readonly payloadType: number;
  readonly payload: Buffer;
}

const HEADER = 116;
const payloadTypes = { data: 1, handshakeRequest: 5, handshakeResponse: 6, handshakeComplete: 7 } as const;

const { port, machines } = JSON.parse(process.argv[2] ?? "") as Settings;
/** The machine's ssh by the token of a session that was started and not opened yet. */
const started = new Map<string, { address: string; port: number }>();

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { status, body } = answer(request.headers["x-amz-target"], Buffer.concat(chunks).toString());
    response.writeHead(status, { "Content-Type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
  });
});
new WebSocketServer({ server }).on("connection", (socket) => {
  // The first message is the token, as text; all others are binary.
  socket.once("message", (first: RawData) => open(socket, JSON.parse(textOf(first)) as { TokenValue: string }));
});
server.listen(port, "127.0.0.1", () => process.stdout.write("ready\n"));

function answer(target: unknown, text: string): { status: number; body: object } {
  if (target === "AmazonSSM.TerminateSession") return { status: 200, body: JSON.parse(text) as object };
  if (target !== "AmazonSSM.StartSession") return { status: 400, body: { __type: "UnknownOperationException" } };
  const { Target, DocumentName, Parameters } = JSON.parse(text) as {
    readonly Target: string;
    readonly DocumentName: string;
    readonly Parameters: { readonly portNumber: readonly string[] };
  };
  const address = machines[Target];
  if (address === undefined || DocumentName !== "AWS-StartSSHSession")
    return { status: 400, body: { __type: "TargetNotConnected", message: `${Target} is not connected.` } };
  const TokenValue = randomUUID();
  started.set(TokenValue, { address, port: Number(Parameters.portNumber[0]) });
  const StreamUrl = `ws://127.0.0.1:${port}/v1/data-channel/${TokenValue}`;
  return { status: 200, body: { SessionId: `operator-${TokenValue}`, TokenValue, StreamUrl } };
}

function open(channel: WebSocket, { TokenValue }: { TokenValue: string }): void {
  const place = started.get(TokenValue);
  started.delete(TokenValue);
  if (!place) return channel.close();
  let [sequence, expected] = [0n, 0n];
  const send = (payloadType: number, payload: Buffer): void => {
    channel.send(written({ type: "output_stream_data", sequence, id: randomUUID(), payloadType, payload }));
    sequence += 1n;
  };
  const asJson = (value: object): Buffer => Buffer.from(JSON.stringify(value));
  const ssh = net.connect({ host: place.address, port: place.port });
  ssh.on("data", (data) => send(payloadTypes.data, data));
  ssh.on("close", () => channel.close());
  ssh.on("error", () => channel.close());
  channel.on("close", () => ssh.destroy());
  channel.on("message", (data: RawData) => {
    const message = read(bytesOf(data));
    if (message.type !== "input_stream_data") return;
    channel.send(acknowledgement(message));
    // The plug-in sends again what was not acknowledged in time.
    if (message.sequence !== expected) return;
    expected += 1n;
    if (message.payloadType === payloadTypes.handshakeResponse)
      send(payloadTypes.handshakeComplete, asJson({ HandshakeTimeToComplete: 1, CustomerMessage: "" }));
    if (message.payloadType === payloadTypes.data) ssh.write(message.payload);
  });
  const session = { SessionType: "Port", Properties: { portNumber: String(place.port) } };
  const action = { ActionType: "SessionType", ActionParameters: session };
  send(payloadTypes.handshakeRequest, asJson({ AgentVersion: "3.3.2299.0", RequestedClientActions: [action] }));
}

const bytesOf = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);
const textOf = (data: RawData): string => bytesOf(data).toString();

/** An id has its two halves the other way round. */
const swapped = (id: Buffer): Buffer => Buffer.concat([id.subarray(8), id.subarray(0, 8)]);
const idOf = (bytes: Buffer): string =>
  swapped(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

function read(bytes: Buffer): Message {
  return {
    type: bytes
      .subarray(4, 36)
      .toString()
      .replace(/[\0 ]+$/, ""),
    sequence: bytes.readBigInt64BE(48),
    id: idOf(bytes.subarray(64, 80)),
    payloadType: bytes.readUInt32BE(112),
    payload: bytes.subarray(HEADER + 4),
  };
}

function written({ type, sequence, id, payloadType, payload }: Message): Buffer {
  const header = Buffer.alloc(HEADER + 4);
  header.writeUInt32BE(HEADER, 0);
  header.write(type.padEnd(32), 4);
  header.writeUInt32BE(1, 36);
  header.writeBigUInt64BE(BigInt(Date.now()), 40);
  header.writeBigInt64BE(sequence, 48);
  // The first of its stream; an acknowledgement is the last one, too.
  header.writeBigUInt64BE(type === "acknowledge" ? 3n : sequence === 0n ? 1n : 0n, 56);
  swapped(Buffer.from(id.replaceAll("-", ""), "hex")).copy(header, 64);
  createHash("sha256").update(payload).digest().copy(header, 80);
  header.writeUInt32BE(payloadType, 112);
  header.writeUInt32BE(payload.length, 116);
  return Buffer.concat([header, payload]);
}

function acknowledgement({ type, sequence, id }: Message): Buffer {
  const content = {
    AcknowledgedMessageType: type,
    AcknowledgedMessageId: id,
    AcknowledgedMessageSequenceNumber: Number(sequence),
    IsSequentialMessage: true,
  };
  const payload = Buffer.from(JSON.stringify(content));
  return written({ type: "acknowledge", sequence: 0n, id: randomUUID(), payloadType: 0, payload });
}
