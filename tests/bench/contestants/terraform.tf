# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What the role manages, written for Terraform: one state, for_each over the clusters.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "region" {
  type = string
}

variable "tags" {
  type = map(string)
}

variable "buckets" {
  type = map(string) # name to policy
}

variable "clusters" {
  type = map(object({
    bucket    = string
    prefix    = string
    host      = string
    keys      = string
    discovery = string
  }))
}

# Path-style URLs, since the endpoint is an address.
provider "aws" {
  region                      = var.region
  s3_use_path_style           = true
}

resource "aws_s3_bucket" "issuer" {
  for_each = var.buckets
  bucket   = each.key
  tags     = var.tags
}

resource "aws_s3_bucket_public_access_block" "issuer" {
  for_each                = var.buckets
  bucket                  = aws_s3_bucket.issuer[each.key].id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = false
  restrict_public_buckets = false
}

resource "aws_s3_bucket_policy" "issuer" {
  for_each   = var.buckets
  bucket     = aws_s3_bucket.issuer[each.key].id
  policy     = each.value
  depends_on = [aws_s3_bucket_public_access_block.issuer]
}

resource "aws_s3_object" "keys" {
  for_each      = var.clusters
  bucket        = aws_s3_bucket.issuer[each.value.bucket].id
  key           = "${each.value.prefix}keys.json"
  content       = each.value.keys
  content_type  = "application/json"
  cache_control = "no-cache"
}

resource "aws_s3_object" "discovery" {
  for_each      = var.clusters
  bucket        = aws_s3_bucket.issuer[each.value.bucket].id
  key           = "${each.value.prefix}.well-known/openid-configuration"
  content       = each.value.discovery
  content_type  = "application/json"
  cache_control = "no-cache"
  depends_on    = [aws_s3_object.keys]
}

resource "aws_iam_openid_connect_provider" "issuer" {
  for_each       = var.clusters
  url            = "https://${each.value.host}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
  depends_on     = [aws_s3_object.discovery]
}
