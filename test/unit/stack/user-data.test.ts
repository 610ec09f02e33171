import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from '@jest/globals'
import { exampleSettings } from '../../../deploy/stack/docs.ts'
import { userDataOf } from '../../../deploy/stack/user-data.ts'
import { root } from '../house/sources.ts'

const settings = exampleSettings()
const unpacked = (packed: string) => gunzipSync(Buffer.from(packed, 'base64')).toString('utf8')

/** What deploy/host/user-data.sh reads. */
const variables = [
  ...['AWS_REGION', 'RUN_FROM', 'IMAGE_URI', 'CODE_URI', 'CODE_SHA256', 'ENV_PARAMETER'],
  ...['AUTO_SCALING_GROUP_NAME', 'LAUNCH_HOOK_NAME', 'TERMINATE_HOOK_NAME', 'LOG_GROUP'],
]

test('the variables stand between the first line of the script and the rest', () => {
  const text = unpacked(userDataOf(settings, '#!/usr/bin/env bash\nset -u\necho "$IMAGE_URI"\n'))
  expect(text).toMatch(/^#!\/usr\/bin\/env bash\nexport AWS_REGION='ap-northeast-2'\n/)
  for (const name of variables) expect(text).toMatch(new RegExp(`^export ${name}`, 'm'))
  expect(text).toContain("--name '/academy/workers/image'")
  expect(text.endsWith('set -u\necho "$IMAGE_URI"\n')).toBe(true)
})

test('code on the host has no image, and asks for none', () => {
  const run = { from: 'code', codeUri: 's3://bucket/code.tar.gz', codeSha256: 'ab' } as const
  const text = unpacked(userDataOf({ ...settings, run }, '#!/bin/sh\n'))
  expect(text).toContain("export IMAGE_URI=''")
  expect(text).toContain("export CODE_URI='s3://bucket/code.tar.gz'")
  expect(text).not.toContain('aws ssm')
})

test.each([
  ['too long', `#!/bin/sh\n${randomBytes(20_000).toString('base64')}`, /has \d+ bytes, EC2 takes 16384/],
  ['no script', 'echo hello\n', /does not begin with #!/],
])('a script that is %s is refused', (_, script, words) => {
  const refused = expect(() => userDataOf(settings, script))
  refused.toThrow(words)
})

test('the script of the hosts fits, and reads every variable that it is given', () => {
  const path = join(root, 'deploy/host/user-data.sh')
  if (!existsSync(path))
    return void process.stderr.write('skipped: there is no deploy/host/user-data.sh yet\n')
  const script = readFileSync(path, 'utf8')
  expect(userDataOf(settings, script).length).toBeLessThan(16_384)
  expect(variables.filter((name) => !script.includes(name))).toEqual([])
})
