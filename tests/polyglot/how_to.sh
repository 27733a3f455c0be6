#!/bin/bash
# What how-tos for the cloud's service show: an IAM token, a here-document with the image in it, curl and jq.
# Arguments: the image. Variables: URL of the service, OAUTH_TOKEN, IAM_URL where that is elsewhere.
set -euo pipefail

IAM_TOKEN=$(curl -sS --fail-with-body -X POST -d "{\"yandexPassportOauthToken\":\"${OAUTH_TOKEN}\"}" \
  "${IAM_URL:-${URL}}/iam/v1/tokens" | jq -r .iamToken)

cat > body.json <<END
{
    "folderId": "b1gvmob95yysaplct532",
    "analyze_specs": [{
        "content": "$(base64 "$1")",
        "features": [{
            "type": "TEXT_DETECTION",
            "text_detection_config": {
                "language_codes": ["*"]
            }
        }]
    }]
}
END

curl -sS --fail-with-body -X POST \
  -H "Authorization: Bearer ${IAM_TOKEN}" \
  -d '@body.json' \
  "${URL}/vision/v1/batchAnalyze" > output.json

jq -r '[.results[].results[].textDetection.pages[].blocks[].lines[].words[].text] | join(" ")' output.json
