# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All checks of irsa_verify, in the order in which STS meets them: what is checked, the likely cause of a fault, the
remedy, and the symptoms elsewhere.

The ids are a contract. An id names what is checked, not the fault. docs/troubleshooting.md is generated from this file,
so it imports nothing of the collection.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

# In a remedy: an option of irsa_verify or of role irsa_issuer, which users may have set by a variable.
OPTION = re.compile(r"\bO\((\w+)\)")

# In a remedy: what may be known of the user's issuer, token and role, and what to say if it is not.
PLACEHOLDERS = {
    "ISSUER": "ISSUER",
    "AUDIENCE": "sts.amazonaws.com",
    "ROLE_ARN": "ROLE_ARN",
    "SERVICE_ACCOUNT": "NAME --namespace NAMESPACE",
    "PROVISION": "the role irsa_issuer (playbook selfhosted.irsa.provision)",
}
_PLACEHOLDER = re.compile(rf"\b(?:{'|'.join(PLACEHOLDERS)})\b")


def with_values(text: str, values: t.Mapping[str, str]) -> str:
    """Return a remedy with what is known in place of its placeholders."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[0], PLACEHOLDERS[found[0]]), text)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One check. ``title`` is a statement that is true when all is well; ``cause`` and ``remedy`` explain a fault.

    ``symptoms`` are what the log of a pod, an SDK or a browser shows for such a fault.
    """

    title: str
    cause: str
    remedy: str
    symptoms: tuple[str, ...] = ()


# Messages of STS and IAM, as the SDKs pass them on:
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

# Of SDKs that find no credentials, or only those of the node:
# https://github.com/boto/botocore/blob/develop/botocore/exceptions.py
_NO_CREDENTIALS = "The SDK finds no credentials: NoCredentialsError: Unable to locate credentials"
_NODE_ROLE = "AccessDenied for the role of the node instead of that of the service account"

# Of an API server that cannot use a webhook with failurePolicy Fail.
_CALL_FAILED = 'A pod cannot be created: failed calling webhook "pod-identity-webhook.amazonaws.com"'

_UNREACHABLE = (_NO_KEY, _IDP, _IAM_IDP)
_FORBIDDEN = (_NO_KEY, _S3_DENIED)

_RUN_AGAIN = (
    "Run PROVISION. If the issuer is on a host of your own, serve the documents that irsa_jwks generates there."
)

CATALOGUE: dict[str, Entry] = {
    "issuer-url": Entry(
        title="The issuer URL is acceptable to AWS and Kubernetes.",
        cause=(
            "The URL is misspelled, or is not the one in the iss of tokens. IAM accepts only https URLs without port, "
            "query and fragment, and compares them byte for byte."
        ),
        remedy=(
            "Use the issuer exactly as it stands in --service-account-issuer and in the iss of tokens. If it is no "
            "such URL there either, the API server needs another one: role irsa_issuer makes it."
        ),
        symptoms=(_NO_PROVIDER,),
    ),
    "dns-resolve": Entry(
        title="The issuer's host name resolves.",
        cause="The bucket or the DNS record does not exist yet, or the issuer is misspelled.",
        remedy=(
            "Create the DNS record of the host, or create the bucket: run PROVISION. Until the name exists, set "
            "O(connect_to) to an address of the host."
        ),
        symptoms=_UNREACHABLE,
    ),
    "tcp-connect": Entry(
        title="The host accepts connections on port 443.",
        cause=(
            "A firewall or a wrong proxy blocks the connection, or nothing listens on the port. AWS connects from the "
            "internet, so it cannot use a host that only a private network reaches."
        ),
        remedy=(
            "Make the host reachable from the internet on this port. Check the network and the proxy settings of this "
            "machine (HTTPS_PROXY, NO_PROXY)."
        ),
        symptoms=_UNREACHABLE,
    ),
    "tls-version": Entry(
        title="The host supports TLS 1.2 or newer.",
        cause="The host offers only old protocols or ciphers, or the service on port 443 does not speak TLS.",
        remedy="Enable TLS 1.2 (and optionally 1.3) with current ciphers on the host.",
        symptoms=_UNREACHABLE,
    ),
    "tls-trust": Entry(
        title="The host's certificate leads to a trusted CA, and the host sends all intermediate certificates.",
        cause=(
            "The certificate is self-signed or from a private CA, or the host does not send the intermediate "
            "certificates."
        ),
        remedy=(
            "Serve a certificate of a public CA with its whole chain. For a private CA, set O(ca_path) to its file "
            "here and irsa_issuer_thumbprints: [auto] for AWS."
        ),
        symptoms=(*_UNREACHABLE, _WRONG_THUMBPRINT),
    ),
    "tls-expiry": Entry(
        title="The host's certificate is valid now.",
        cause=(
            "The certificate, or another one in its chain, has expired or is not valid yet, or the clock of this "
            "machine is wrong."
        ),
        remedy="Renew the certificate and make sure that it is renewed automatically. Check the clock.",
        symptoms=_UNREACHABLE,
    ),
    "tls-host": Entry(
        title="The host's certificate covers the issuer's host name.",
        cause="The host serves a certificate for another name. S3's certificate does not cover bucket names with dots.",
        remedy="Serve a certificate that includes the issuer's host name. For a bucket, choose a name without dots.",
        symptoms=_UNREACHABLE,
    ),
    "http-response": Entry(
        title=(
            "The host answers an anonymous GET of each document with status 200, within AWS's 5 seconds, uncompressed "
            "and of reasonable size."
        ),
        cause="The documents are not published at this address, the host requires a login, or it is too slow.",
        remedy=f"{_RUN_AGAIN} irsa_verify says more for each status, and for a host that is slow.",
        symptoms=(*_UNREACHABLE, _S3_DENIED),
    ),
    "http-redirect": Entry(
        title="The documents are served at their own addresses, without a redirect.",
        cause=(
            "A web server or a CDN redirects, for example to another host, to a login page, or to a path with a "
            "trailing slash. AWS does not document how it treats redirects."
        ),
        remedy="Serve both documents at the issuer's own address.",
        symptoms=(_NO_KEY, _IAM_IDP),
    ),
    "bucket-exists": Entry(
        title="The issuer's bucket exists.",
        cause=(
            "The bucket was deleted or never created. Anyone can create a bucket with that name. As long as the IAM "
            "provider and roles exist, the owner of such a bucket can forge tokens that they accept."
        ),
        remedy=(
            "Create the bucket now: run PROVISION. Or remove the roles and the provider (playbook "
            "selfhosted.irsa.teardown)."
        ),
        symptoms=(_NO_KEY, _IAM_IDP, "A browser or curl gets 404 NoSuchBucket"),
    ),
    "bucket-region": Entry(
        title="The bucket is in the region that the issuer names.",
        cause="The bucket is in a different region than its host name says, so S3 redirects.",
        remedy=(
            "Use the issuer of the bucket's actual region (set irsa_issuer_region) in the API server's flags, the "
            "documents and the provider, or create a bucket in the region that the issuer names."
        ),
        symptoms=(_NO_KEY, _IAM_IDP, "A browser or curl gets 301 PermanentRedirect"),
    ),
    "bucket-access-block": Entry(
        title="Block Public Access lets the bucket policy open the two documents.",
        cause=(
            "Block Public Access is on for the bucket or for the account. New buckets have it on. The more restrictive "
            "of the two applies."
        ),
        remedy=(
            "For the bucket, run PROVISION. It sets BlockPublicPolicy and RestrictPublicBuckets to false. "
            "For the account, have both settings turned off, or serve the documents "
            "on another host (irsa_issuer_url)."
        ),
        symptoms=_FORBIDDEN,
    ),
    "bucket-policy": Entry(
        title="The bucket policy allows anonymous reads of the two documents.",
        cause=(
            "There is no policy, it covers other objects (another prefix) or other principals, or one of its "
            "statements denies the read."
        ),
        remedy=(
            "Run PROVISION. It maintains a statement that opens the two documents. With a "
            "prefix, check irsa_issuer_prefix and irsa_issuer_bucket_public_paths. A Deny statement is left alone; "
            "narrow it yourself."
        ),
        symptoms=_FORBIDDEN,
    ),
    "object-exists": Entry(
        title="Both documents are in the bucket.",
        cause=(
            "They were not published, were deleted, or are under another prefix. Anonymous clients get 403 from S3 for "
            "an object that does not exist."
        ),
        remedy="Check irsa_issuer_prefix. Publish them with the module irsa_publish, or run PROVISION.",
        symptoms=_FORBIDDEN,
    ),
    "object-encryption": Entry(
        title="The documents are not encrypted with KMS.",
        cause=(
            "The bucket's default encryption is SSE-KMS, or the documents were uploaded with it. Anonymous clients "
            "cannot read such objects, whatever the policy allows."
        ),
        remedy=(
            "Set the bucket's encryption to SSE-S3 (irsa_issuer_bucket_encryption: AES256) and publish the documents "
            "again."
        ),
        symptoms=(
            _NO_KEY,
            "A browser or curl gets 400 InvalidArgument (AWS KMS managed keys require AWS Signature Version 4)",
        ),
    ),
    "content-type": Entry(
        title="Both documents are served as JSON.",
        cause="They were uploaded without a content type. AWS is not known to require one, but other clients do.",
        remedy="Serve both as application/json, as irsa_publish does.",
    ),
    "http-caching": Entry(
        title="Caching headers do not delay a key rotation for long.",
        cause="Cache-Control or a CDN keeps an old JWKS in use after a new key was published.",
        remedy=(
            "Serve both documents with Cache-Control: no-cache, or a max-age of at most one hour "
            "(irsa_issuer_cache_control). Otherwise, in each rotation, wait that long before the new key signs."
        ),
        symptoms=(f"{_NO_KEY} (after a rotation)",),
    ),
    "discovery-json": Entry(
        title="The discovery document is a JSON object in UTF-8.",
        cause="Something else is served at that address, such as a web page or an error page with status 200.",
        remedy=_RUN_AGAIN,
        symptoms=(_NO_KEY, _IAM_IDP),
    ),
    "discovery-fields": Entry(
        title="The discovery document has every field that AWS requires.",
        cause="It was written by hand, or by a tool that omits some fields.",
        remedy="Publish the discovery document that irsa_jwks generates.",
        symptoms=(_NO_KEY, _IAM_IDP),
    ),
    "discovery-issuer": Entry(
        title="The discovery document names the issuer, byte for byte.",
        cause=(
            "Issuers are compared byte for byte: a trailing slash, a capital letter, or the global instead of the "
            "regional host name of a bucket makes a different issuer."
        ),
        remedy=(
            "Use the same text in the API server's --service-account-issuer, the provider's URL and the discovery "
            "document. If ISSUER is the right one, run PROVISION."
        ),
        symptoms=(_NO_KEY, _NO_PROVIDER),
    ),
    "jwks-uri": Entry(
        title="jwks_uri is an https URL, on the issuer's own host or at least on a public one.",
        cause=(
            "The discovery document was written for another host, or an attacker wants this machine or AWS to call an "
            "address of theirs."
        ),
        remedy=(
            "Publish the discovery document that irsa_jwks generates. If the keys are on another host, set its "
            "jwks_uri."
        ),
        symptoms=(_NO_KEY, _IAM_IDP),
    ),
    "jwks-json": Entry(
        title="The JWKS is JSON with a list of keys.",
        cause="Something else is served at that address, such as a web page, or a single key instead of a set.",
        remedy=_RUN_AGAIN,
        symptoms=(_NO_KEY,),
    ),
    "jwk-public-only": Entry(
        title="The JWKS contains only public members.",
        cause=(
            "A private key was converted instead of its public key. Anyone who has read it can impersonate any service "
            "account."
        ),
        remedy=(
            "Rotate the signing key at once: create a new key, have every API server sign with it, and publish only "
            "its public key (irsa_issuer_purge_keys: true). Then check CloudTrail for misuse."
        ),
    ),
    "jwk-kid": Entry(
        title="Each key has its own kid.",
        cause=(
            "The JWKS was written by hand, or merged from two. STS finds a token's key by its kid, and uses the last "
            "of several keys with the same kid."
        ),
        remedy=(
            "Publish each key once, with a kid of its own. The JWKS that irsa_jwks generates has the kids that "
            "kube-apiserver computes. Only Kubernetes before 1.16 needs an empty kid (irsa_issuer_legacy_empty_kid)."
        ),
        symptoms=(_NO_KEY,),
    ),
    "jwk-key-ops": Entry(
        title="No key has key_ops.",
        cause='A library added that member. STS cannot use a key that has it, even as ["verify"].',
        remedy="Remove key_ops: publish the JWKS that irsa_jwks generates.",
        symptoms=(_NOT_VALID,),
    ),
    "jwk-use": Entry(
        title="Each key is for signatures.",
        cause="The key's use is enc or another value; STS accepts only sig.",
        remedy="Publish the JWKS that irsa_jwks generates.",
        symptoms=(_NOT_VALID, _NO_KEY),
    ),
    "jwk-numbers": Entry(
        title="The numbers of each key are those of a key, written as RFC 7518 has them.",
        cause=(
            "A program or a script writes the numbers in another way: with a sign octet, with padding, in ordinary "
            "base64 or in hexadecimal. Or one of them was cut or edited."
        ),
        remedy=(
            "Write the numbers of this key again, from its public key: irsa_jwks does so (public_keys; or jwks, as "
            "long as they can be read). The key itself is sound, so there is no need for another one."
        ),
        symptoms=(_NOT_VALID, _NO_KEY),
    ),
    "jwk-strength": Entry(
        title="STS can verify with each key: RSA of at least 2048 bits, or ECDSA on P-256, P-384 or P-521.",
        cause="The key is too short, or has an unsupported type (Ed25519, ML-DSA) or curve.",
        remedy="Create a key with irsa_keypair and rotate to it.",
        symptoms=(_NOT_VALID, _NO_KEY),
    ),
    "jwk-certificate": Entry(
        title="If a key has a certificate in x5c, it belongs to that key.",
        cause="The key was replaced, but its certificate was not. STS compares them.",
        remedy="Remove x5c: publish the JWKS that irsa_jwks generates.",
        symptoms=(_NOT_VALID,),
    ),
    "jwk-count": Entry(
        title="The JWKS has at most 100 RSA and 100 EC keys.",
        cause="Several clusters share an issuer, or old keys are never removed. STS does not read a JWKS with more.",
        remedy="Remove keys that no longer sign (irsa_issuer_purge_keys: true), and give each cluster its own issuer.",
        symptoms=(_NO_KEY, _NOT_VALID),
    ),
    "algorithms": Entry(
        title="STS supports the algorithm of each key, and the discovery document lists it.",
        cause="The discovery document is older than a key, or the alg of a key does not match its type.",
        remedy="Run PROVISION. It lists the algorithms of all published keys.",
        symptoms=(_NO_KEY, _NOT_VALID),
    ),
    "kid-expected": Entry(
        title="All expected keys are published.",
        cause="The API server signs with a key that was created or replaced after the documents were published.",
        remedy=(
            "Publish it: run the role irsa_issuer with the key that the API server signs with (irsa_issuer_key_path, "
            "irsa_issuer_extra_jwks)."
        ),
        symptoms=(_NO_KEY,),
    ),
    "apiserver-issuer": Entry(
        title="Every API server signs for this issuer: it is the first --service-account-issuer that each runs with.",
        cause=(
            "The API server was never told about the issuer, or not every one was: for example, a control-plane node "
            "that joined later, or a kubeadm upgrade that rendered the arguments again without it."
        ),
        remedy=(
            "Run the role irsa_apiserver (playbook selfhosted.irsa.enable) on all control-plane nodes, with "
            "irsa_apiserver_issuer: ISSUER. It has every API server accept the issuer, and then has each of them "
            "sign for it."
        ),
        symptoms=(_NO_PROVIDER, f"{_NO_PROVIDER} (now and then)"),
    ),
    "apiservers-agree": Entry(
        title="All API servers have the same issuer and keys, and accept each other's tokens.",
        cause=(
            "One of them was set up differently, missed a change, or has a key of its own. Clients reach any of them, "
            "so this shows as errors that come and go."
        ),
        remedy=(
            "Give all control-plane nodes the same service account key (/etc/kubernetes/pki/sa.key and sa.pub with "
            "kubeadm), then run the role irsa_apiserver on all of them: it walks them in two phases, so that no token "
            "is refused in between."
        ),
        symptoms=(
            f"{_NO_KEY} (now and then)",
            f"{_NO_PROVIDER} (now and then)",
            "The API server answers 401 Unauthorized (now and then)",
        ),
    ),
    "signer-external": Entry(
        title="If an external program signs for the API servers, all of its keys are published.",
        cause=(
            "An external signer (--service-account-signing-endpoint) may change its keys at any time, without a "
            "restart of an API server."
        ),
        remedy=(
            "Publish its keys: run the role irsa_issuer with irsa_issuer_from_cluster: true and irsa_kubeconfig, and "
            "do so regularly, before the signer begins to use a new key."
        ),
        symptoms=(_NO_KEY,),
    ),
    "apiserver-audience": Entry(
        title="Tokens for AWS are not credentials for the API servers.",
        cause=(
            "sts.amazonaws.com was added to --api-audiences, as some guides tell. STS does not need that. It makes the "
            "token that a pod has for AWS a credential for the Kubernetes API, too, and gives the audience of AWS to "
            "every default token of a pod."
        ),
        remedy=(
            "Remove it from --api-audiences on every API server. If nothing else is in that flag, remove the flag: "
            "then all issuers are accepted as audiences. Pods with a projected token for AWS do not notice."
        ),
    ),
    "legacy-tokens": Entry(
        title="Tokens without expiry in Secrets are signed with the key that signs today.",
        cause=(
            "kube-controller-manager made these tokens with an older key. It does not sign them again when its key "
            "changes, so they end when API servers no longer know that key."
        ),
        remedy=(
            "Before the old key is removed, use projected tokens instead, or have each token made again: `kubectl "
            "--namespace NAMESPACE patch secret NAME --type json --patch "
            '\'[{"op": "remove", "path": "/data/token"}]\'`. Programs that have a copy need the new one.'
        ),
        symptoms=("The API server answers 401 Unauthorized to a program outside the cluster (after a rotation)",),
    ),
    "cluster-issuer": Entry(
        title="The API server's issuer is this one.",
        cause="Its first --service-account-issuer is a different one, so its tokens name a different issuer.",
        remedy=(
            "Set --service-account-issuer=ISSUER on every API server, as irsa_issuer_result.apiserver_flags lists it. "
            "Keep the old issuer after it until its tokens have expired."
        ),
        symptoms=(_NO_PROVIDER,),
    ),
    "cluster-keys": Entry(
        title="All keys that the API server signs with are published.",
        cause="The API server was given another key, or the published documents are older than a rotation.",
        remedy=(
            "Publish the API server's keys: irsa_issuer_key_path for the one that signs, irsa_issuer_extra_jwks for "
            "others."
        ),
        symptoms=(_NO_KEY,),
    ),
    "provider-exists": Entry(
        title="The account has an IAM OIDC provider for exactly this issuer.",
        cause="It was not created, is in another account, or was created for another spelling of the issuer.",
        remedy="In the account of the roles, run PROVISION. Or use irsa_oidc_provider with url: ISSUER.",
        symptoms=(_NO_PROVIDER,),
    ),
    "provider-audience": Entry(
        title="The provider's client IDs include the audience of the tokens.",
        cause="The audience was never added, or was removed. The EKS webhook requests tokens for sts.amazonaws.com.",
        remedy="Add it to irsa_issuer_audiences (client_ids of irsa_oidc_provider), and run PROVISION.",
        symptoms=(_WRONG_AUDIENCE,),
    ),
    "provider-thumbprints": Entry(
        title="The provider has no wrong thumbprint.",
        cause=(
            "The thumbprints were made up, or belong to the host's own certificate, which the next renewal replaces. "
            "AWS needs none for hosts with a certificate of a public CA."
        ),
        remedy=(
            "Omit irsa_issuer_thumbprints for a host with a public certificate. For a private CA, and to replace those "
            "that the provider has, set it to [auto]."
        ),
        symptoms=(_WRONG_THUMBPRINT,),
    ),
    "account-annotation": Entry(
        title="The annotations of service accounts with a role fit the provider and what injects credentials.",
        cause=(
            "An annotation is misspelled, belongs to another account or provider, or is older than what injects "
            "credentials."
        ),
        remedy=(
            "Correct the annotations eks.amazonaws.com/role-arn and audience of the service account (role "
            "irsa_service_accounts), then restart its pods."
        ),
        symptoms=(_NOT_AUTHORIZED, _WRONG_AUDIENCE, _NO_PROVIDER),
    ),
    "injection-answers": Entry(
        title="What injects credentials answers every API server.",
        cause=(
            "The Service of the webhook leads to no pod that runs, the network keeps API servers from it, or its "
            "failurePolicy can keep the cluster from starting it. Why a call failed stands in the log of "
            "kube-apiserver only."
        ),
        remedy=(
            "Have the pods of the webhook run: kubectl --namespace NAMESPACE describe pods. API servers must reach "
            "them on the port of the webhook: see firewalls and network policies, or run it in the host's network. "
            "The role irsa_injection sets one up, from Kubernetes 1.36 on without any pod."
        ),
        symptoms=(_NO_CREDENTIALS, _NODE_ROLE, _CALL_FAILED),
    ),
    "injection-certificate": Entry(
        title="API servers trust the certificate of the webhook, today and for the coming weeks.",
        cause=(
            "The certificate or its CA was renewed and the caBundle was not, or nothing has renewed them. With "
            "failurePolicy Ignore, that shows as x509 in the log of kube-apiserver only."
        ),
        remedy=(
            "Write the CA of the certificate into caBundle of the MutatingWebhookConfiguration; cert-manager does so "
            "by the annotation cert-manager.io/inject-ca-from. The role irsa_injection renews both in an order in "
            "which no pod is missed."
        ),
        symptoms=(_NO_CREDENTIALS, _NODE_ROLE, f"{_CALL_FAILED} … x509: certificate …"),
    ),
    "injection-review-versions": Entry(
        title="API servers send the webhook reviews of a version that it answers.",
        cause=(
            "Releases of the EKS pod identity webhook up to v0.6.17 answer v1beta1 only, and API servers send the "
            "first version in admissionReviewVersions that they know."
        ),
        remedy="Set admissionReviewVersions: [v1beta1, v1] in the MutatingWebhookConfiguration.",
        symptoms=(
            _NO_CREDENTIALS,
            _NODE_ROLE,
            f"{_CALL_FAILED} … expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview",
        ),
    ),
    "injection-present": Entry(
        title="Pods of service accounts with a role get their credentials when they are created, on every API server.",
        cause=(
            "Neither the policy irsa-inject nor the EKS pod identity webhook is there, it was removed, or it does not "
            "act: a policy without a binding, a webhook whose selectors leave the namespace out or whose calls fail. "
            "Most of this is silent: pods start without credentials."
        ),
        remedy=(
            "Run the role irsa_injection (playbook selfhosted.irsa.enable). Or give pods the volume and variables that "
            "the filter selfhosted.irsa.pod_identity prints."
        ),
        symptoms=(_NO_CREDENTIALS, _NODE_ROLE),
    ),
    "pods-without-credentials": Entry(
        title="The running pods of service accounts with a role have credentials.",
        cause=(
            "Credentials are injected when a pod is created. These pods are older than the annotation or the "
            "injection, or were missed, because the API server had not seen the annotation yet."
        ),
        remedy="Restart them, for example with kubectl rollout restart.",
        symptoms=(_NO_CREDENTIALS, _NODE_ROLE),
    ),
    "token-format": Entry(
        title="The token is a JWT, signed with an algorithm that STS supports.",
        cause="The file contains something else or is truncated, or the token is not a service account token.",
        remedy=(
            "Use a projected token: `kubectl create token SERVICE_ACCOUNT --audience AUDIENCE`. In a pod, it is the "
            "file that AWS_WEB_IDENTITY_TOKEN_FILE names."
        ),
        symptoms=(_NOT_VALID, "InvalidIdentityToken: The ID Token provided is not a valid JWT"),
    ),
    "token-issuer": Entry(
        title="The token's iss is the issuer.",
        cause="The API server still signs for another issuer, or the token comes from another cluster.",
        remedy=(
            "Set --service-account-issuer=ISSUER on every API server, and get a new token: "
            "`kubectl create token SERVICE_ACCOUNT --audience AUDIENCE`."
        ),
        symptoms=(_NO_PROVIDER,),
    ),
    "token-audience": Entry(
        title="The token has one audience, and the provider accepts it.",
        cause="The token was projected for another audience, such as the API server's own.",
        remedy=(
            "Project it for AUDIENCE (the annotation eks.amazonaws.com/audience, or --audience AUDIENCE), or add its "
            "audience to irsa_issuer_audiences."
        ),
        symptoms=(_WRONG_AUDIENCE,),
    ),
    "token-lifetime": Entry(
        title="The token has timestamps and is valid now.",
        cause="The token is old: it was copied, or the program in the pod read its file once and keeps using it.",
        remedy=(
            "Get a new one: `kubectl create token SERVICE_ACCOUNT --audience AUDIENCE`. If the program does not read "
            "the file again, update its AWS SDK."
        ),
        symptoms=(_EXPIRED,),
    ),
    "token-kid": Entry(
        title="The key that the token names is published.",
        cause="The API server signs with a key that is not published, for example after a rotation in the wrong order.",
        remedy="Publish the key that signs, with irsa_issuer_key_path or irsa_issuer_extra_jwks: run PROVISION.",
        symptoms=(_NO_KEY,),
    ),
    "token-signature": Entry(
        title="The published key verifies the token's signature.",
        cause="A different key is published under that kid, or the token was modified or forged.",
        remedy=(
            "Publish the public key of the key that signs: run the role irsa_issuer with it. Do not trust a token that "
            "you received from someone else."
        ),
        symptoms=(_NOT_VALID,),
    ),
    "role-exists": Entry(
        title="The role exists.",
        cause="Its ARN in the service account's annotation is misspelled or belongs to another account.",
        remedy="Create the role ROLE_ARN, or correct O(role_arn) and the annotation eks.amazonaws.com/role-arn.",
        symptoms=(_NOT_AUTHORIZED,),
    ),
    "trust-provider": Entry(
        title="The role's trust policy trusts the issuer's provider.",
        cause=(
            "Its Principal names another provider (another issuer, spelling or account), or its Action is a different "
            "one."
        ),
        remedy=(
            "Generate the trust policy with the filter selfhosted.irsa.trust_policy from the provider's ARN "
            "(irsa_issuer_result.provider_arn)."
        ),
        symptoms=(_NOT_AUTHORIZED,),
    ),
    "trust-subject": Entry(
        title="The role's trust policy accepts the token's service account.",
        cause="The condition on sub names another namespace or service account, or uses a wildcard with StringEquals.",
        remedy=(
            "Correct the condition on sub: system:serviceaccount:<namespace>:<name>, as the filter "
            "selfhosted.irsa.trust_policy writes it."
        ),
        symptoms=(_NOT_AUTHORIZED,),
    ),
    "trust-audience": Entry(
        title="The role's trust policy accepts the token's audience.",
        cause="The condition on aud names a different audience than the token.",
        remedy="Set the condition on aud to the token's audience, usually sts.amazonaws.com.",
        symptoms=(_NOT_AUTHORIZED,),
    ),
    "trust-condition": Entry(
        title="No other condition of the role's trust policy rejects the token.",
        cause=(
            "It has conditions on keys other than sub and aud, such as the caller's address, that are not met or "
            "cannot be evaluated here."
        ),
        remedy="Check that condition; meet it or remove it.",
        symptoms=(_NOT_AUTHORIZED,),
    ),
    "sts-assume": Entry(
        title="STS accepts the token and returns credentials for the role.",
        cause=(
            "When STS refuses what passes every check, the usual reason is a recent change that has not reached all of "
            "AWS yet."
        ),
        remedy=(
            "Wait a minute and try again. Then have the organization's administrators check whether a resource control "
            "policy denies sts:AssumeRoleWithWebIdentity."
        ),
        symptoms=(_NOT_AUTHORIZED, _IDP),
    ),
}
