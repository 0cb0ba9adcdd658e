// Prints the requesters that sign with Signature Version 2, with the number of
// their events in a folder of CloudTrail's log files.
const { DuckDBInstance } = require('@duckdb/node-api');

async function main(folder) {
	const instance = await DuckDBInstance.create(':memory:');
	const connection = await instance.connect();
	const result = await connection.runAndReadAll(`
		SELECT event.userIdentity.arn, count(*)
		FROM (
			SELECT unnest(Records) AS event
			FROM read_json('${folder}/**/*.json.gz', maximum_object_size = 1073741824, columns = {
				Records: 'STRUCT(
					eventSource VARCHAR,
					userIdentity STRUCT(arn VARCHAR),
					additionalEventData STRUCT(SignatureVersion VARCHAR)
				)[]'
			})
		)
		WHERE event.eventSource = 's3.amazonaws.com' AND event.additionalEventData.SignatureVersion = 'SigV2'
		GROUP BY 1`);
	for (const [requester, requests] of result.getRows()) {
		console.log(`${requester},${requests}`);
	}
}

main(process.argv[2]);
