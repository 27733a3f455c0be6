#!/bin/bash
# What how-tos for the cloud's ocr/v1 show: send a file, take the id of the operation, ask for the result until it is
# there. Arguments: the file, its media type. Variables: URL of the service, API_KEY.
set -euo pipefail

HEADERS=(-H "Authorization: Api-Key ${API_KEY}" -H "x-folder-id: b1gvmob95yysaplct532" -H "x-data-logging-enabled: true")

printf '{"mimeType": "%s", "languageCodes": ["ru", "en"], "model": "page", "content": "%s"}' \
  "$2" "$(base64 "$1" | tr -d '\n')" > body.json

OPERATION_ID=$(curl -sS --fail-with-body -X POST -H "Content-Type: application/json" "${HEADERS[@]}" \
  -d '@body.json' "${URL}/ocr/v1/recognizeTextAsync" | jq -r .id)

for _ in $(seq 300); do
  curl -sS -X GET "${HEADERS[@]}" "${URL}/ocr/v1/getRecognition?operationId=${OPERATION_ID}" > output.json
  jq -e 'select(.error.message == "operation data is not ready")' output.json > /dev/null || break
  sleep 0.2
done

curl -sS --fail-with-body "${HEADERS[@]}" "${URL}/operations/${OPERATION_ID}" | jq -e .done > /dev/null
jq -r '.result.textAnnotation.fullText' output.json
