import { receiveBody } from './body.ts'
import { readSmallBody } from './bucket-operations.ts'
import type { UploadTable } from './multipart.ts'
import { readMeta, writeCondition } from './object-operations.ts'
import type { ObjectTable, StoredEntry } from './objects.ts'
import { type Reply, xmlReply } from './reply.ts'
import type { S3Request } from './request.ts'
import { elements, textOf, xml } from './xml.ts'

export function createUpload(uploads: UploadTable, request: S3Request): Reply {
  const { id } = uploads.start(request.key, readMeta(request))
  return xmlReply(
    xml('InitiateMultipartUploadResult', { Bucket: request.bucket, Key: request.key, UploadId: id }),
  )
}

export async function uploadPart(
  uploads: UploadTable,
  table: ObjectTable,
  request: S3Request,
): Promise<Reply> {
  const id = request.query.get('uploadId') ?? ''
  uploads.find(id, request.key)
  const received = await receiveBody(request.http, table.newFile())
  await uploads.addPart(id, request.key, Number(request.query.get('partNumber')), received)
  return { status: 200, headers: { ETag: `"${received.md5}"` } }
}

export async function completeUpload(
  uploads: UploadTable,
  table: ObjectTable,
  request: S3Request,
): Promise<{ reply: Reply; entry: StoredEntry }> {
  const body = (await readSmallBody(request.http)).toString('utf8')
  const upload = uploads.find(request.query.get('uploadId') ?? '', request.key)
  const listed = elements(body, 'Part').map((part) => ({
    number: Number(textOf(part, 'PartNumber')),
    etag: (textOf(part, 'ETag') ?? '').replaceAll('"', ''),
  }))
  const entry = await uploads.complete(table, upload, listed, writeCondition(request))
  const { bucket, key } = request
  const location = `/${bucket}/${key}`
  const result = { Location: location, Bucket: bucket, Key: key, ETag: `"${entry.etag}"` }
  return { reply: xmlReply(xml('CompleteMultipartUploadResult', result)), entry }
}

export async function abortUpload(uploads: UploadTable, request: S3Request): Promise<Reply> {
  await uploads.remove(uploads.find(request.query.get('uploadId') ?? '', request.key))
  return { status: 204 }
}

export function listParts(uploads: UploadTable, request: S3Request): Reply {
  const upload = uploads.find(request.query.get('uploadId') ?? '', request.key)
  const after = Number(request.query.get('part-number-marker') ?? 0)
  const limit = Math.min(Number(request.query.get('max-parts') ?? 1000), 1000)
  const parts = [...upload.parts.values()]
    .filter((part) => part.number > after)
    .sort((a, b) => a.number - b.number)
  const shown = parts.slice(0, limit)
  const truncated = parts.length > shown.length
  return xmlReply(
    xml('ListPartsResult', {
      Bucket: request.bucket,
      Key: request.key,
      UploadId: upload.id,
      PartNumberMarker: after,
      NextPartNumberMarker: truncated ? shown.at(-1)?.number : undefined,
      MaxParts: limit,
      IsTruncated: truncated,
      Part: shown.map((part) => ({
        PartNumber: part.number,
        LastModified: part.modified.toISOString(),
        ETag: `"${part.md5}"`,
        Size: part.bytes,
      })),
    }),
  )
}

/** Every upload under the prefix at once: a test asks whether any was left behind. */
export function listUploads(uploads: UploadTable, request: S3Request): Reply {
  const prefix = request.query.get('prefix') ?? ''
  return xmlReply(
    xml('ListMultipartUploadsResult', {
      Bucket: request.bucket,
      MaxUploads: 1000,
      IsTruncated: false,
      Upload: uploads
        .all()
        .filter((upload) => upload.key.startsWith(prefix))
        .map((upload) => ({
          Key: upload.key,
          UploadId: upload.id,
          Initiated: upload.started.toISOString(),
        })),
    }),
  )
}
