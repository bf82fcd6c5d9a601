//! Manifests, their tags and what refers to them.

use crate::fixture::{self, MANIFEST, digest_of, serve};
use crate::wire::Client;

#[tokio::test]
async fn a_manifest_is_put_listed_and_deleted() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        let manifest = fixture::push_image(&mut client, "team/app").await;
        let digest = digest_of(manifest.as_bytes());
        let kind = [("Content-Type", MANIFEST)];

        let path = format!("/v2/team/app/manifests/{digest}?tag=b&tag=a");
        let put = client
            .send_chunked("PUT", &path, &kind, manifest.as_bytes(), 50)
            .await;
        assert_eq!(put.status, 201, "{put:?}");
        assert_eq!(put.header("docker-content-digest"), Some(&*digest));
        assert_eq!(put.header("oci-tag"), Some("b, a"));

        let got = client.get("/v2/team/app/manifests/a").await;
        assert_eq!((got.status, &got.body[..]), (200, manifest.as_bytes()));
        assert_eq!(got.header("content-type"), Some(MANIFEST));
        let head = client
            .send("HEAD", "/v2/team/app/manifests/a", &[], b"")
            .await;
        assert_eq!(
            head.header("content-length"),
            Some(&*manifest.len().to_string())
        );

        let page = client.get("/v2/team/app/tags/list?n=1").await;
        assert_eq!(page.json()["tags"], serde_json::json!(["a"]));
        assert_eq!(
            page.header("link"),
            Some("</v2/team/app/tags/list?n=1&last=a>; rel=\"next\"")
        );
        let none = client.get("/v2/team/app/tags/list?n=0").await;
        assert_eq!(
            (none.json()["tags"].clone(), none.header("link")),
            (serde_json::json!([]), None)
        );
        let catalog = client.get("/v2/_catalog").await;
        assert_eq!(
            catalog.json()["repositories"],
            serde_json::json!(["team/app"])
        );

        let gone = client
            .send(
                "DELETE",
                &format!("/v2/team/app/manifests/{digest}"),
                &[],
                b"",
            )
            .await;
        assert_eq!(gone.status, 202);
        let missing = client.get("/v2/team/app/manifests/a").await;
        assert_eq!(
            (missing.status, missing.code()),
            (404, "MANIFEST_UNKNOWN".to_owned())
        );
    })
    .await;
}

#[tokio::test]
async fn a_referrer_is_found_by_its_subject() {
    serve(async |server| {
        let mut client = Client::connect(server).await;
        fixture::push_image(&mut client, "a").await;
        let subject = digest_of(b"nothing that is here");
        let manifest = fixture::artifact(&subject, "application/spdx+json");
        let kind = [("Content-Type", MANIFEST)];

        let put = client
            .send("PUT", "/v2/a/manifests/sbom", &kind, manifest.as_bytes())
            .await;
        assert_eq!(
            (put.status, put.header("oci-subject")),
            (201, Some(&*subject)),
            "{put:?}"
        );

        let path = format!("/v2/a/referrers/{subject}");
        let all = client.get(&path).await;
        assert_eq!(
            all.header("content-type"),
            Some("application/vnd.oci.image.index.v1+json")
        );
        assert_eq!(
            all.json()["manifests"][0]["digest"],
            digest_of(manifest.as_bytes())
        );
        let filtered = client
            .get(&format!("{path}?artifactType=application%2Fspdx%2Bjson"))
            .await;
        assert_eq!(filtered.header("oci-filters-applied"), Some("artifactType"));
        assert_eq!(filtered.json()["manifests"].as_array().unwrap().len(), 1);
        let other = client
            .get(&format!("{path}?artifactType=text%2Fplain"))
            .await;
        assert_eq!(other.json()["manifests"].as_array().unwrap().len(), 0);
        let nowhere = client.get(&format!("/v2/none/referrers/{subject}")).await;
        assert_eq!(
            (nowhere.status, nowhere.json()["manifests"].clone()),
            (200, serde_json::json!([]))
        );
    })
    .await;
}
