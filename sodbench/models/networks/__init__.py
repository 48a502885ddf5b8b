"""The networks that Table 2 of the U2-Net paper compares, by name.

Qin, Zhang, Huang, Dehghan, Zaiane, Jagersand: U2-Net, Pattern Recognition 106, 2020,
doi:10.1016/j.patcog.2020.107404, section 4.4. The authors published no code for these networks
except U2-Net itself. If the paper leaves a choice open, each class says which interpretation is built
here, and takes it as a parameter.
"""

from collections.abc import Mapping

NETWORKS: Mapping[str, str] = {
    "unet": "sodbench.models.networks.unets:unet",
    "pln-unet": "sodbench.models.networks.unets:pln_unet",
    "res-unet": "sodbench.models.networks.unets:res_unet",
    "dse-unet": "sodbench.models.networks.unets:dse_unet",
    "inc-unet": "sodbench.models.networks.unets:inc_unet",
    "ppm-unet": "sodbench.models.networks.unets:ppm_unet",
    "hourglass": "sodbench.models.networks.hourglass:hourglass",
    "cunet": "sodbench.models.networks.cunet:cunet",
    "niv-u2net": "sodbench.models.networks.unets:niv_u2net",
    "vgg16-u2net": "sodbench.models.networks.backbones:vgg16_u2net",
    "resnet50-u2net": "sodbench.models.networks.backbones:resnet50_u2net",
    "u2net": "sodbench.models.networks.u2net:u2net",
    "u2netp": "sodbench.models.networks.u2net:u2netp",
}
"""Name -> ``module:function`` that builds the network without weights; in the order of Table 2."""
