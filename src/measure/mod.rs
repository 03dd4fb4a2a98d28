use serde::*;
#[derive(Clone, Debug, Serialize, Deserialize)] pub struct MeasureRequest;
#[derive(Clone, Debug, Serialize, Deserialize)] pub struct Measured;
pub fn take(_: &[MeasureRequest]) -> Measured { Measured }
