import http from "node:http";
import type { AddressInfo } from "node:net";

export interface AwsRequest {
  readonly method: string;
  readonly path: string;
  /** The account that the bucket has to be of, or AWS refuses; moto takes no notice. */
  readonly owner: string | undefined;
  /** As far as it has come. */
  readonly body: () => string;
}

export interface AwsAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of an error, as S3 names it. */
  readonly code?: string;
}

export interface AwsRecorder {
  readonly url: string;
  /** What has come, oldest first. */
  readonly requests: AwsRequest[];
  /** What is answered in moto's place; undefined leaves it to moto. */
  answer: (request: AwsRequest) => AwsAnswer | undefined;
  stop(): Promise<void>;
}

/** Stands before moto, notes what comes, and may answer as moto cannot. */
export async function startAwsRecorder(moto: string): Promise<AwsRecorder> {
  const server = http.createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    const owner = headers["x-amz-expected-bucket-owner"];
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    const seen: AwsRequest = { method, path: url, owner: Array.isArray(owner) ? owner[0] : owner, body: () => body };
    recorder.requests.push(seen);
    const answer = recorder.answer(seen);
    if (answer) {
      const body = answer.code ? `<Error><Code>${answer.code}</Code><Message>theirs</Message></Error>` : "";
      response.writeHead(answer.status, { "content-type": "application/xml", ...answer.headers }).end(body);
      request.resume();
      return;
    }
    request.pipe(
      http.request(`${moto}${url}`, { method, headers }, (passed) => {
        response.writeHead(passed.statusCode ?? 500, passed.headers);
        passed.pipe(response);
      }),
    );
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const recorder: AwsRecorder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    answer: () => undefined,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return recorder;
}
