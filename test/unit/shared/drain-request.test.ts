import { expect, test } from '@jest/globals'
import { readDrainRequest, writeDrainRequest } from '../../../shared/drain-request.ts'

test('a request to drain is read as it was written', () => {
  const value = writeDrainRequest('ann', Date.UTC(2026, 1, 3, 4, 5, 6))
  expect(JSON.parse(value)).toEqual({ requested_at: '2026-02-03T04:05:06.000Z', by: 'ann' })
  expect(readDrainRequest(value)).toEqual({ requested_at: '2026-02-03T04:05:06.000Z', by: 'ann' })
})

test.each([
  '',
  '1',
  'null',
  '[]',
  '{"by":"ann"}',
  '{"requested_at":"soon","by":"ann"}',
  '{"requested_at":5}',
])('the value %s asks for nothing', (value) => expect(readDrainRequest(value)).toBeUndefined())

test('who asked is not needed, and not longer than a log line takes', () => {
  const at = '"requested_at":"2026-02-03T04:05:06Z"'
  expect(readDrainRequest(`{${at}}`)?.by).toBe('somebody')
  expect(readDrainRequest(`{${at},"by":"${'x'.repeat(5000)}"}`)?.by).toHaveLength(200)
})
