import { describe, expect, test } from '@jest/globals'
import { partBody } from '../../../shared/message-parts.ts'
import { parseMessage } from '../../../shared/messages.ts'

const parent = JSON.stringify({
  ...{ job_id: '3f6cbd6c-7b61-4f39-9d7c-0c2b3a1d4e5f', video_id: 42, tenant_id: 7 },
  file_key: 'tenants/7/video/raw/s/u.mp4',
})
const parse = (body: string) => parseMessage(body, { catalogKeyPrefix: 'videos/', bucket: 'b' })
const reasonOf = (fields: object) => {
  const parsed = parse(JSON.stringify({ kind: 'chunk', version: 1, index: 0, parent, ...fields }))
  return parsed.kind === 'poison' ? parsed.reason : `not poison: ${parsed.kind}`
}

describe('a message of our own', () => {
  test('for a part is read back with its parent, checked as if that came by itself', () => {
    expect(parse(partBody(parent, { type: 'chunk', index: 3 }))).toEqual({
      kind: 'part',
      jobId: '3f6cbd6c-7b61-4f39-9d7c-0c2b3a1d4e5f/chunk-3',
      part: { type: 'chunk', index: 3 },
      parent: expect.objectContaining({ kind: 'transcode', videoId: 42 }),
      parentBody: parent,
    })
    for (const type of ['audio', 'text'] as const)
      expect(parse(partBody(parent, { type, index: 0 }))).toMatchObject({ kind: 'part', part: { type } })
  })

  test('for a join carries the parent’s own id', () => {
    expect(parse(partBody(parent))).toMatchObject({
      kind: 'join',
      jobId: '3f6cbd6c-7b61-4f39-9d7c-0c2b3a1d4e5f',
    })
  })

  test.each([
    ['of another version', { version: 2 }, 'unknown version 2'],
    ['without an index', { index: undefined }, 'index is not a part’s'.replace('’', "'")],
    ['with a negative index', { index: -1 }, "index is not a part's"],
    ['without a parent', { parent: undefined }, 'parent is not a message body'],
    ['whose parent is poison', { parent: 'connection_test' }, 'part of "poison"'],
    [
      'whose parent is another tenant’s',
      { parent: parent.replace('tenants/7/', 'tenants/8/') },
      'part of "poison"',
    ],
    ['whose parent is a delete', { parent: JSON.stringify({ action: 'delete_r2' }) }, 'part of'],
    [
      'whose parent is a part itself',
      { parent: partBody(parent, { type: 'chunk', index: 1 }) },
      'a part of a part',
    ],
  ])('%s is poison', (_name, fields, reason) => {
    expect(reasonOf(fields)).toContain(reason)
  })
})
