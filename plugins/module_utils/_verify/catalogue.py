# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that irsa_verify checks, in the order of the way that STS goes: what, the likely cause of a fault, the
remedy, and how it shows elsewhere.

The ids are a contract: one names what is checked, not what is wrong. The guide docs/troubleshooting.md is made from
this, so nothing is imported here.
"""

from __future__ import annotations

import typing as t


class Entry(t.NamedTuple):
    """What is checked (a statement that holds when all is well), and what is said where it does not.

    ``symptoms`` are what a pod's log, an SDK or a browser says of such a fault.
    """

    title: str
    cause: str
    remedy: str
    symptoms: tuple[str, ...] = ()


# Messages of STS and IAM as the SDKs pass them on:
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
# https://repost.aws/knowledge-center/eks-troubleshoot-oidc-and-irsa
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
_NO_KEY = "InvalidIdentityToken: Couldn't retrieve verification key from your identity provider"
_NOT_VALID = "InvalidIdentityToken: The web identity token that was passed could not be validated by AWS"
_NO_PROVIDER = "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://…"
_WRONG_AUDIENCE = "InvalidIdentityToken: Incorrect token audience"
_WRONG_THUMBPRINT = (
    "InvalidIdentityToken: OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
)
_NOT_AUTHORIZED = "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"
_EXPIRED = "ExpiredTokenException: Token expired: current date/time … must be before the expiration date/time …"
_IDP = "IDPCommunicationError: the request could not be fulfilled because the identity provider could not be reached"
_IAM_IDP = "OpenIdIdpCommunicationError when the provider is created"
_S3_DENIED = "A browser or curl gets 403 AccessDenied from the bucket"

_UNREACHABLE = (_NO_KEY, _IDP, _IAM_IDP)
_FORBIDDEN = (_NO_KEY, _S3_DENIED)

_RUN_AGAIN = (
    "Run the role irsa_issuer (playbook selfhosted.irsa.provision) again; where the issuer is on another host, serve "
    "the documents that irsa_jwks makes there."
)

CATALOGUE: dict[str, Entry] = {
    "issuer-url": Entry(
        "The issuer is a URL that AWS and Kubernetes take for one.",
        "It is misspelt, or something else than the iss of tokens was given. IAM takes https URLs without a port, a "
        "query or a fragment, and compares them byte for byte.",
        "Give the issuer as it stands in --service-account-issuer and in the iss of tokens.",
        (_NO_PROVIDER,),
    ),
    "dns-resolve": Entry(
        "The issuer's host name can be resolved.",
        "The bucket or the DNS record does not exist yet, or the issuer is misspelt.",
        "Create the DNS record, or the bucket with the role irsa_issuer. Give connect_to while the name does not exist "
        "yet.",
        _UNREACHABLE,
    ),
    "tcp-connect": Entry(
        "The host takes connections on port 443.",
        "A firewall or a wrong proxy is between, or nothing listens there. AWS comes from the internet, so a host that "
        "only a private network reaches is none that it can use.",
        "Have the host listen on port 443 for everybody; check the network and the proxy (HTTPS_PROXY, NO_PROXY) from "
        "here.",
        _UNREACHABLE,
    ),
    "tls-version": Entry(
        "The host speaks TLS 1.2 or newer.",
        "The host offers old protocols or ciphers only, or what answers on port 443 is not TLS.",
        "Have the host offer TLS 1.2 (and 1.3, if you like) with current ciphers.",
        _UNREACHABLE,
    ),
    "tls-trust": Entry(
        "The host's certificate is of a CA that is trusted, with its intermediate certificates.",
        "The certificate is self-signed or of a private CA, or the host does not send the intermediate certificates.",
        "Serve the whole chain of a certificate of a public CA. For a private CA give ca_path here, and thumbprints "
        "(irsa_issuer_thumbprints) for AWS.",
        (*_UNREACHABLE, _WRONG_THUMBPRINT),
    ),
    "tls-expiry": Entry(
        "The host's certificate is valid now.",
        "The certificate, or one of its chain, has expired or is not valid yet; or the clock of this machine is wrong.",
        "Renew the certificate, and check that it is renewed by itself; check the clock.",
        _UNREACHABLE,
    ),
    "tls-host": Entry(
        "The host's certificate is for the issuer's host name.",
        "The host serves the certificate of another name. S3's certificate does not cover bucket names with dots.",
        "Serve a certificate that names the issuer's host. For a bucket choose a name without dots.",
        _UNREACHABLE,
    ),
    "http-response": Entry(
        "The host answers a plain anonymous GET of both documents with 200, within AWS's 5 seconds, uncompressed and "
        "in "
        "reasonable size.",
        "The documents are not published at this address, the host wants a login, or it is too slow.",
        _RUN_AGAIN + " Give credentials to have the reason for a bucket's 403 looked up.",
        (*_UNREACHABLE, _S3_DENIED),
    ),
    "http-redirect": Entry(
        "The documents are served where they are asked for, without a redirect.",
        "A web server or a CDN redirects, for instance to another host, to a login page or to a path with a slash at "
        "its end. AWS documents nothing about redirects.",
        "Serve both documents at the issuer's own address.",
        (_NO_KEY, _IAM_IDP),
    ),
    "bucket-exists": Entry(
        "The issuer's bucket exists.",
        "The bucket was deleted or never made. Anybody can make a bucket of that name: while the IAM provider and "
        "roles are left, whoever does can forge tokens that they accept.",
        "Make the bucket now with the role irsa_issuer, or take roles and provider away (irsa_issuer_state: absent).",
        (_NO_KEY, _IAM_IDP, "A browser or curl gets 404 NoSuchBucket"),
    ),
    "bucket-region": Entry(
        "The bucket is in the region that the issuer names.",
        "The bucket is in another region than its host name says, and S3 redirects.",
        "Use the issuer of the bucket's own region (irsa_issuer_region) in the API server's flags, documents and "
        "provider; or make a bucket in the region that the issuer names.",
        (_NO_KEY, _IAM_IDP, "A browser or curl gets 301 PermanentRedirect"),
    ),
    "bucket-access-block": Entry(
        "Block Public Access lets the bucket's policy open the two documents.",
        "Block Public Access of the bucket or of the account is on, as it is for new buckets; the most restrictive of "
        "both wins.",
        "For the bucket run the role irsa_issuer again (irsa_bucket sets BlockPublicPolicy and RestrictPublicBuckets "
        "to false). For the account have both settings lifted, or serve the documents on another host "
        "(irsa_issuer_url).",
        _FORBIDDEN,
    ),
    "bucket-policy": Entry(
        "The bucket's policy lets anybody read the two documents.",
        "There is no policy, it names other objects (another prefix) or other principals, or something in it denies.",
        "Run the role irsa_issuer again: irsa_bucket keeps a statement that opens the two documents. With a prefix "
        "check irsa_issuer_prefix and irsa_issuer_bucket_public_paths. A Deny is yours to narrow.",
        _FORBIDDEN,
    ),
    "object-exists": Entry(
        "Both documents are in the bucket.",
        "They were not published, were deleted, or are under another prefix. To strangers S3 answers 403 for an object "
        "that does not exist.",
        "Publish them: run the role irsa_issuer again, or irsa_publish. Check irsa_issuer_prefix.",
        _FORBIDDEN,
    ),
    "object-encryption": Entry(
        "The documents are not encrypted with KMS.",
        "The bucket's default encryption is SSE-KMS, or the documents were uploaded with it. Strangers cannot read "
        "such objects, whatever the policy says.",
        "Set the bucket's encryption to SSE-S3 (irsa_issuer_bucket_encryption: AES256) and publish again.",
        (_NO_KEY, "A browser or curl gets 400 InvalidArgument (AWS KMS managed keys require AWS Signature Version 4)"),
    ),
    "content-type": Entry(
        "Both documents are served as JSON.",
        "They were uploaded without a content type. AWS has not been seen to mind, others do.",
        "Serve both as application/json, as irsa_publish does.",
    ),
    "http-caching": Entry(
        "Caching headers do not hide a rotation of keys for long.",
        "Cache-Control or a CDN in between keeps an old JWKS in use after a new key was published.",
        "Serve both with Cache-Control: no-cache or a max-age of an hour at most (irsa_issuer_cache_control), or wait "
        "that long in each rotation before the new key signs.",
        (f"{_NO_KEY} (after a rotation)",),
    ),
    "discovery-json": Entry(
        "The discovery document is a JSON object in UTF-8.",
        "Something else is served at that address, such as a web page or an error with status 200.",
        _RUN_AGAIN,
        (_NO_KEY, _IAM_IDP),
    ),
    "discovery-fields": Entry(
        "The discovery document has every field that AWS asks for.",
        "It was written by hand or by a tool that leaves them out.",
        "Publish the discovery document that irsa_jwks makes.",
        (_NO_KEY, _IAM_IDP),
    ),
    "discovery-issuer": Entry(
        "The discovery document names the issuer, byte for byte.",
        "They are compared byte for byte: a slash at the end, a capital letter, the global or the regional host of a "
        "bucket make another issuer.",
        "Use the same text in the API server's --service-account-issuer, the provider's URL and both documents "
        "(irsa_issuer_url); then publish again.",
        (_NO_KEY, _NO_PROVIDER),
    ),
    "jwks-uri": Entry(
        "jwks_uri is an https URL, on the issuer's own host or at least on a public one.",
        "The discovery document was written for another host, or somebody means to have this machine or AWS call an "
        "address of theirs.",
        "Publish the discovery document that irsa_jwks makes; give jwks_uri there where the keys are elsewhere.",
        (_NO_KEY, _IAM_IDP),
    ),
    "jwks-json": Entry(
        "The key set is JSON with a list of keys.",
        "Something else is served at that address, such as a web page, or a single key for a set.",
        _RUN_AGAIN,
        (_NO_KEY,),
    ),
    "jwk-public-only": Entry(
        "The key set holds public members only.",
        "A private key was converted in place of its public half. Whoever has read it can be any service account.",
        "Rotate the signing key at once: make a new one, have every API server sign with it, and publish its public "
        "key alone (irsa_issuer_purge_keys: true). Then look for misuse in CloudTrail.",
    ),
    "jwk-kid": Entry(
        "Each key has a kid of its own.",
        "The key set was written by hand, or merged from two. STS finds a token's key by its kid, and of two keys with "
        "one kid it uses the last.",
        "Publish the key set that irsa_jwks makes: kids as kube-apiserver computes them. An empty kid "
        "(irsa_issuer_legacy_empty_kid) is for Kubernetes before 1.16 alone.",
        (_NO_KEY,),
    ),
    "jwk-key-ops": Entry(
        "No key has key_ops.",
        'A library wrote that member. STS cannot use a key that has any, even ["verify"].',
        "Leave key_ops out: publish the key set that irsa_jwks makes.",
        (_NOT_VALID,),
    ),
    "jwk-use": Entry(
        "Each key is for signatures.",
        "The key's use is enc or something else; STS takes sig only.",
        "Publish the key set that irsa_jwks makes.",
        (_NOT_VALID, _NO_KEY),
    ),
    "jwk-strength": Entry(
        "Each key is one that STS verifies with: RSA of at least 2048 bits, or ECDSA on P-256, P-384 or P-521.",
        "The key is too short, of another kind (Ed25519, ML-DSA), or its numbers are damaged.",
        "Make a key with irsa_keypair and rotate to it.",
        (_NOT_VALID, _NO_KEY),
    ),
    "jwk-certificate": Entry(
        "The certificate in a key's x5c, where there is one, is of that key.",
        "The key was replaced and its certificate was not. STS compares them.",
        "Leave x5c out: publish the key set that irsa_jwks makes.",
        (_NOT_VALID,),
    ),
    "jwk-count": Entry(
        "There are at most 100 RSA and 100 EC keys.",
        "Keys of many clusters share an issuer, or old ones are never taken away. STS does not read a set with more.",
        "Remove keys that sign no more (irsa_issuer_purge_keys: true), and give each cluster an issuer of its own.",
        (_NO_KEY, _NOT_VALID),
    ),
    "algorithms": Entry(
        "The keys' algorithms are ones that STS verifies, and the discovery document names them.",
        "The discovery document is older than a key, or a key's alg is not that of its kind.",
        "Run the role irsa_issuer again: it names the algorithms of all keys that are published.",
        (_NO_KEY, _NOT_VALID),
    ),
    "kid-expected": Entry(
        "The keys that are expected are published.",
        "The API server signs with a key that was made or replaced after the documents were published.",
        "Publish it: run the role irsa_issuer with the key that the API server signs with (irsa_issuer_key_path, "
        "irsa_issuer_extra_jwks).",
        (_NO_KEY,),
    ),
    "cluster-issuer": Entry(
        "The API server's issuer is this one.",
        "Its first --service-account-issuer is another, so its tokens name another issuer.",
        "Set --service-account-issuer to the issuer on every API server, as irsa_issuer_result.apiserver_flags lists "
        "it; keep the old issuer after it while its tokens live.",
        (_NO_PROVIDER,),
    ),
    "cluster-keys": Entry(
        "The keys that the API server verifies with are published.",
        "The API server was given another key, or the documents are of before a rotation.",
        "Publish the API server's keys: irsa_issuer_key_path for the one that signs, irsa_issuer_extra_jwks for "
        "others.",
        (_NO_KEY,),
    ),
    "provider-exists": Entry(
        "The account has an IAM OIDC provider for exactly this issuer.",
        "It was not made, is in another account, or was made for another spelling of the issuer.",
        "Run the role irsa_issuer, or irsa_oidc_provider with the issuer as url, in the account of the roles.",
        (_NO_PROVIDER,),
    ),
    "provider-audience": Entry(
        "The provider's client IDs have the tokens' audience.",
        "The audience was left out or taken away. The EKS webhook asks for tokens for sts.amazonaws.com.",
        "Add it to irsa_issuer_audiences (client_ids of irsa_oidc_provider) and run again.",
        (_WRONG_AUDIENCE,),
    ),
    "provider-thumbprints": Entry(
        "The provider has no thumbprint that can only do harm.",
        "Thumbprints were made up, or are of the host's own certificate, which the next renewal replaces. For hosts "
        "with a certificate of a public CA AWS needs none.",
        "Leave irsa_issuer_thumbprints out for a host with a public certificate, or give [auto] for a private CA.",
        (_WRONG_THUMBPRINT,),
    ),
    "token-format": Entry(
        "The token is a JWT that is signed with an algorithm that STS verifies.",
        "The file holds something else, is cut, or the token is no service account token.",
        "Take a projected token: kubectl create token NAME --audience sts.amazonaws.com, or the file that "
        "AWS_WEB_IDENTITY_TOKEN_FILE names in the pod.",
        (_NOT_VALID, "InvalidIdentityToken: The ID Token provided is not a valid JWT"),
    ),
    "token-issuer": Entry(
        "The token's iss is the issuer.",
        "The API server still signs for another issuer, or the token is of another cluster.",
        "Set --service-account-issuer on every API server, and take a new token.",
        (_NO_PROVIDER,),
    ),
    "token-audience": Entry(
        "The token is for one audience, which the provider takes.",
        "The token was projected for another audience, such as the API server's own.",
        "Project it for sts.amazonaws.com (the annotation eks.amazonaws.com/audience, or --audience), or add its "
        "audience to irsa_issuer_audiences.",
        (_WRONG_AUDIENCE,),
    ),
    "token-lifetime": Entry(
        "The token has its times and is valid now.",
        "The token is old: it was copied, or the program in the pod read its file once and keeps it.",
        "Take a new token. Update the program's AWS SDK where it does not read the file again.",
        (_EXPIRED,),
    ),
    "token-kid": Entry(
        "The key that the token names is published.",
        "The API server signs with a key that is not published, as after a rotation in the wrong order.",
        "Publish the key that signs: irsa_issuer_key_path, irsa_issuer_extra_jwks.",
        (_NO_KEY,),
    ),
    "token-signature": Entry(
        "The published key verifies the token's signature.",
        "Another key is published under that kid, or the token was changed or forged.",
        "Publish the public key of the key that signs: run the role irsa_issuer with it. If the token came from "
        "somebody else, do not trust it.",
        (_NOT_VALID,),
    ),
    "role-exists": Entry(
        "The role exists.",
        "Its ARN in the service account's annotation is misspelt, or is of another account.",
        "Create the role, or correct role_arn and the annotation eks.amazonaws.com/role-arn.",
        (_NOT_AUTHORIZED,),
    ),
    "trust-provider": Entry(
        "The role's trust policy lets tokens of the provider in.",
        "Its Principal names another provider: another issuer, spelling or account; or its Action is another.",
        "Write the trust policy with the filter selfhosted.irsa.trust_policy and the provider's ARN "
        "(irsa_issuer_result.provider_arn).",
        (_NOT_AUTHORIZED,),
    ),
    "trust-subject": Entry(
        "The role's trust policy takes the token's service account.",
        "The condition on sub names another namespace or service account, or has a wildcard with StringEquals.",
        "Correct the condition on sub: system:serviceaccount:<namespace>:<name>, as the filter "
        "selfhosted.irsa.trust_policy writes it.",
        (_NOT_AUTHORIZED,),
    ),
    "trust-audience": Entry(
        "The role's trust policy takes the token's audience.",
        "The condition on aud names another audience than the token has.",
        "Let the condition on aud be the token's audience, usually sts.amazonaws.com.",
        (_NOT_AUTHORIZED,),
    ),
    "trust-condition": Entry(
        "The role's trust policy has no other condition that keeps the token out.",
        "It has conditions on something else than sub and aud, such as the caller's address, or one that cannot be "
        "judged from here.",
        "Look at that condition; take it away, or meet it.",
        (_NOT_AUTHORIZED,),
    ),
    "sts-assume": Entry(
        "STS takes the token and gives credentials for the role.",
        "What STS refuses and no check finds is most often a change that has not reached all of AWS yet.",
        "Wait a minute and try again; then look whether policies of the organization, or a permissions boundary, "
        "forbid it.",
        (_NOT_AUTHORIZED, _IDP),
    ),
}
