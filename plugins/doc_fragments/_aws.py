# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that call AWS, as amazon.aws has them. Private to the collection.

Galaxy imports a collection without its dependencies. If one module refers to a fragment of another collection, Galaxy
shows no documentation of any module. A unit test compares these options with those of amazon.aws.
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  access_key:
    description:
      - AWS access key ID. Cannot be used together with O(profile).
      - Defaults to the environment variable E(AWS_ACCESS_KEY_ID) or E(AWS_ACCESS_KEY).
    type: str
    aliases: [aws_access_key_id, aws_access_key]
  secret_key:
    description:
      - AWS secret access key. Cannot be used together with O(profile).
      - Defaults to the environment variable E(AWS_SECRET_ACCESS_KEY) or E(AWS_SECRET_KEY).
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
  session_token:
    description:
      - AWS session token, for temporary credentials. Cannot be used together with O(profile).
      - Defaults to the environment variable E(AWS_SESSION_TOKEN).
    type: str
    aliases: [aws_session_token]
  profile:
    description:
      - Name of a profile in the AWS configuration files. Cannot be used together with O(access_key), O(secret_key) or
        O(session_token). See
        U(https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html).
      - Defaults to the environment variable E(AWS_PROFILE) or E(AWS_DEFAULT_PROFILE).
    type: str
    aliases: [aws_profile]
  endpoint_url:
    description:
      - URL of an AWS-compatible service to call instead of AWS.
      - Defaults to the environment variable E(AWS_URL). boto3 also reads E(AWS_ENDPOINT_URL).
    type: str
    aliases: [aws_endpoint_url]
  aws_ca_bundle:
    description:
      - Path of a file with the CA certificates to trust in calls to AWS.
      - Defaults to the environment variable E(AWS_CA_BUNDLE).
    type: path
  validate_certs:
    description:
      - Whether to validate the TLS certificates of AWS. To trust another CA, set O(aws_ca_bundle) instead of V(false).
    type: bool
    default: true
  aws_config:
    description:
      - Settings of botocore. See
        U(https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html#botocore.config.Config).
    type: dict
  debug_botocore_endpoint_logs:
    description:
      - Whether to list the API calls of the task in the result, as C(resource_actions).
      - Defaults to the environment variable E(ANSIBLE_DEBUG_BOTOCORE_LOGS).
    type: bool
    default: false
  region:
    description:
      - AWS region to use. IAM has none.
      - Defaults to the environment variable E(AWS_REGION) or E(AWS_DEFAULT_REGION), or to the region of the profile.
    type: str
    aliases: [aws_region]
notes:
  - Environment variables and AWS configuration files are read on the host that runs the module.
"""
