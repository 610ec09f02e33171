import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { withParameter } from '../../../deploy/backlog/environment.ts'

/** GetParameter as AWS JSON 1.1 has it, of one parameter. */
let server: Server
let asked: { target: string; body: object }[] = []
let answer: { status: number; body: object } = { status: 200, body: {} }
const before = { ...process.env }

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    asked.push({ target: String(request.headers['x-amz-target']), body: JSON.parse(text) })
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(answer.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // The SDK's own chain of credentials, as in a Lambda.
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' })
})
afterAll(() => {
  process.env = before
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})
beforeEach(() => {
  asked = []
})

const environment = () => ({
  AWS_REGION: 'ap-northeast-2',
  ENV_PARAMETER: '/academy/workers/env',
  AWS_ENDPOINT_URL_SSM: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
})
const { signal } = new AbortController()
const stored = (Value: string) => ({ status: 200, body: { Parameter: { Name: 'x', Value, Version: 3 } } })

test('what the parameter holds is behind what the function has of its own', async () => {
  answer = stored(
    'LAMBDA_INTERNAL_API_KEY="the key"\nAWS_REGION=us-east-1\n# REDIS_HOST=no\nREDIS_PORT=6380\n',
  )
  const read = await withParameter({ ...environment(), REDIS_PORT: ' ' }, signal)
  expect(read).toMatchObject({
    LAMBDA_INTERNAL_API_KEY: 'the key',
    AWS_REGION: 'ap-northeast-2',
    REDIS_PORT: '6380',
  })
  expect(read).not.toHaveProperty('REDIS_HOST')
  expect(asked).toEqual([
    { target: 'AmazonSSM.GetParameter', body: { Name: '/academy/workers/env', WithDecryption: true } },
  ])
})

test('without ENV_PARAMETER nothing is asked', async () => {
  const { ENV_PARAMETER: _, ...env } = environment()
  expect(await withParameter(env, signal)).toBe(env)
  expect(asked).toEqual([])
})

test.each([
  [
    'a parameter that is not there',
    { status: 400, body: { __type: 'ParameterNotFound' } },
    'parameter_missing',
  ],
  [
    'a role that may not',
    { status: 400, body: { __type: 'AccessDeniedException', message: 'no' } },
    'parameter_refused',
  ],
  ['a parameter without a variable', stored('# nothing'), 'config_invalid'],
  ['a service that fails', { status: 500, body: { __type: 'InternalServerError' } }, 'parameter_unavailable'],
])('%s is named: %s', async (_, says, code) => {
  answer = says
  const read = withParameter(environment(), signal)
  await expect(read).rejects.toMatchObject({ code, message: expect.stringContaining('/academy/workers/env') })
})
