import { expect, test } from '@jest/globals'
import { perInstance, queueMetric, videoMetrics } from '../../../deploy/backlog/metrics.ts'

test.each([
  // backlog, visible, instances
  [0, 0, 0, 0],
  [12, 12, 4, 3],
  [1, 1, 3, 1 / 3],
  [12, 9, 0, 12],
  // A join, a film, or a counter that was wiped: nobody would ever come for it.
  [0, 2, 0, 2],
  [0, 2, 1, 0],
])('backlog %i, %i visible, on %i instances is %d each', (backlog, visible, instances, expected) => {
  expect(perInstance({ backlog, visible, instances })).toBeCloseTo(expected)
})

test('three metrics with the group’s dimensions, zeros included', () => {
  const metrics = videoMetrics({ backlog: 0, visible: 0, instances: 0, drift: 0 }, 'video-workers')
  expect(metrics.map(({ name, value }) => [name, value])).toEqual([
    ['BacklogCount', 0],
    ['BacklogPerInstance', 0],
    ['BacklogDrift', 0],
  ])
  for (const { namespace, dimensions } of metrics) {
    expect(namespace).toBe('Academy/VideoProcessing')
    expect(dimensions).toEqual({ WorkerType: 'Video', AutoScalingGroupName: 'video-workers' })
  }
  expect(queueMetric('AI', 4)).toEqual({
    ...{ namespace: 'Academy/Workers', name: 'QueueDepth', value: 4, dimensions: { WorkerType: 'AI' } },
  })
})
