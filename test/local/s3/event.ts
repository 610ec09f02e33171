import type { ObjectCreated } from './server.ts'

/** The body of an S3 event notification for one new object. Keys are URL-encoded in it, spaces as `+`. */
export function objectCreatedMessage(object: ObjectCreated, region: string): string {
  const { bucket, key, bytes, etag } = object
  return JSON.stringify({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: region,
        eventTime: new Date().toISOString(),
        eventName: 'ObjectCreated:Put',
        s3: {
          s3SchemaVersion: '1.0',
          bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
          object: {
            key: key.split('/').map(encodeURIComponent).join('/').replaceAll('%20', '+'),
            size: bytes,
            eTag: etag,
            // Grows with each write of a key; a duplicate of the message has the same.
            sequencer: process.hrtime.bigint().toString(16).toUpperCase().padStart(16, '0'),
          },
        },
      },
    ],
  })
}
