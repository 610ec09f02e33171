import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createFaults, type Faults } from './faults.ts'
import { createParameterStore, type ParameterStore, Refusal } from './ssm-store.ts'

export interface SsmServer {
  readonly endpoint: string
  /** What is stored, for tests to look at and to change behind the tool's back. */
  readonly store: ParameterStore
  /** `operation` is the action (`PutParameter`), `key` the parameter's name. */
  readonly faults: Faults
  /** Every action that was asked for, in order. */
  readonly calls: string[]
  close(): Promise<void>
}

const prefix = 'AmazonSSM.'

/**
 * Parameter Store on a loopback port by the protocol of the pinned client (AWS JSON 1.1), with the rules of
 * ssm-store.ts. Signatures are looked for and not checked; the access key's id is who writes.
 */
export async function startSsmServer(): Promise<SsmServer> {
  const store = createParameterStore()
  const faults = createFaults()
  const calls: string[] = []

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const operation = String(request.headers['x-amz-target'] ?? '').slice(prefix.length)
    const input = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as Record<string, unknown>
    calls.push(operation)
    const fault = faults.take({ method: 'POST', operation, key: String(input.Name ?? '') })
    const lost = fault?.when === 'after'
    if (fault?.reset && !lost) return void request.socket.destroy()
    if (fault?.status && !lost)
      return refuse(response, fault.status, fault.code ?? 'InternalServerError', 'Injected fault')
    const by = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/.*\/ssm\/aws4_request/.exec(
      request.headers.authorization ?? '',
    )?.[1]
    if (by === undefined)
      return refuse(response, 400, 'MissingAuthenticationToken', 'Request is missing Authentication Token')
    try {
      const answer = store.act(operation, input, `arn:aws:iam::123456789012:user/${by}`)
      if (lost) return void request.socket.destroy()
      reply(response, 200, answer)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refuse(response, 400, error.code, error.message)
    }
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) =>
      refuse(response, 500, 'InternalServerError', String(error)),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ store, faults, calls },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() }
  response.writeHead(status, headers).end(JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  reply(response, status, { __type: code, message })
}
