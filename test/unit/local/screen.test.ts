import { describe, expect, test } from '@jest/globals'
import { clock, drawRow, openScreen, type Row, size } from '../../local/screen.ts'

const row = (change: Partial<Row> = {}): Row => ({
  name: 'lecture.mp4',
  stage: 'Transcoding',
  percent: 50,
  speed: 3.21,
  secondsLeft: 65,
  ended: undefined,
  ...change,
})

const record = (isTTY: boolean, columns = 100) => {
  const written: string[] = []
  return { written, output: { isTTY, columns, write: (text: string) => written.push(text) } }
}

describe('on a terminal', () => {
  test('a video is one line with a bar, percent, stage, speed and time left', () => {
    expect(drawRow(row(), 12)).toBe(
      '  lecture.mp4   ████████████░░░░░░░░░░░░   50 %  Transcoding   3.2x  1:05 left',
    )
  })

  test('a waiting video has an empty bar and no figures', () => {
    const waiting = row({
      stage: 'In the queue',
      percent: undefined,
      speed: undefined,
      secondsLeft: undefined,
    })
    expect(drawRow(waiting, 11)).toBe(`  lecture.mp4  ${'░'.repeat(24)}  In the queue`)
  })

  test('lines are redrawn in place, and only when they changed', () => {
    const { written, output } = record(true)
    const screen = openScreen(output)
    screen.show([row(), row()])
    screen.show([row(), row()])
    screen.show([row({ percent: 51 }), row()])
    expect(written).toHaveLength(2)
    expect(written[1]?.startsWith('\x1b[2A\x1b[J')).toBe(true)
  })

  test('no line is wider than the terminal, or it could not be erased again', () => {
    const { written, output } = record(true, 40)
    openScreen(output).show([row({ name: 'a rather long name of a video file from a camera.mp4' })])
    expect(written.join('').trimEnd().length).toBeLessThan(40)
  })

  test('what is said goes above the bars and stays', () => {
    const { written, output } = record(true)
    const screen = openScreen(output)
    screen.show([row()])
    screen.say('hello')
    expect(written[1]?.startsWith('\x1b[1A\x1b[Jhello\n  lecture')).toBe(true)
  })
})

describe('elsewhere', () => {
  test('a video is told of when its stage or its tens of percent change, without control codes', () => {
    const { written, output } = record(false)
    const screen = openScreen(output)
    for (const percent of [50, 51, 59, 60, 61]) screen.show([row({ percent })])
    screen.show([row({ stage: 'Uploading', percent: 61 })])
    expect(written).toHaveLength(3)
    expect(written.join('')).not.toContain('\x1b')
  })
})

test('times are told as on a player', () => {
  expect([0, 65, 3725].map(clock)).toEqual(['0:00', '1:05', '1:02:05'])
})

test('sizes are told in decimal units', () => {
  expect([0, 999, 1000, 48_200_000].map(size)).toEqual(['0 B', '999 B', '1.0 kB', '48.2 MB'])
})
